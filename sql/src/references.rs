//! The relations that a query names.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::resolve::resolve_table_references;
use mica_catalog::{CATALOG, INFORMATION_SCHEMA, RelationName, Snapshot, near_matches};
use sqlparser::ast::{
    Expr, ObjectName, Query, Spanned, Statement as SqlStatement, TableFactor, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};

use crate::{Error, Position, Result, Scope, information_schema};

/// The relations of `query` that are not CTEs, folded, each once, by name.
///
/// # Errors
/// [`Error::Invalid`] for a name of more than three parts.
pub(crate) fn of_query(query: &Query) -> Result<Vec<TableReference>> {
    let mut query = query.clone();
    let _ = VisitMut::visit(&mut query, &mut WithoutTableFunctions);
    let statement = SqlStatement::Query(Box::new(query));
    let statement = DfStatement::Statement(Box::new(statement));
    let (relations, _) = resolve_table_references(&statement, true)?;
    Ok(relations)
}

/// Takes calls such as `range(10)` out of a query: their names are no relations.
struct WithoutTableFunctions;

impl VisitorMut for WithoutTableFunctions {
    type Break = ();
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table {
            args: Some(_),
            alias,
            ..
        } = factor
        {
            *factor = TableFactor::TableFunction {
                expr: Expr::value(Value::Null),
                alias: alias.take(),
            };
        }
        ControlFlow::Continue(())
    }
}

/// Where each relation is first named.
pub(crate) fn positions(query: &Query) -> HashMap<TableReference, Position> {
    struct Positions(HashMap<TableReference, Position>);
    impl Visitor for Positions {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            let start = relation.span().start;
            // A name in single quotes has no place.
            if let Ok(reference) = object_name_to_table_reference(relation.clone(), true)
                && start.line > 0
            {
                self.0.entry(reference).or_insert(start.into());
            }
            ControlFlow::Continue(())
        }
    }
    let mut visitor = Positions(HashMap::new());
    let _ = query.visit(&mut visitor);
    visitor.0
}

/// The name that `reference` means in `scope`.
///
/// # Errors
/// [`Error::Invalid`] for another catalog than ours.
pub(crate) fn resolve(reference: &TableReference, scope: &Scope) -> Result<RelationName> {
    if let Some(catalog) = reference.catalog()
        && !catalog.eq_ignore_ascii_case(CATALOG)
    {
        return Err(Error::invalid(format!(
            "catalog '{catalog}' does not exist; the only one is '{CATALOG}'"
        )));
    }
    let schema = reference.schema().unwrap_or(&scope.schema);
    Ok(RelationName::new(schema, reference.table()))
}

/// The name that a parsed name means in `scope`, in the written spelling.
///
/// # Errors
/// [`Error::Invalid`] for more than three parts or another catalog.
pub(crate) fn resolve_object(name: &ObjectName, scope: &Scope) -> Result<RelationName> {
    let parts: Vec<&str> = name
        .0
        .iter()
        .filter_map(|part| part.as_ident().map(|ident| ident.value.as_str()))
        .collect();
    match parts.as_slice() {
        [relation] => Ok(RelationName::new(scope.schema.as_str(), *relation)),
        [schema, relation] => Ok(RelationName::new(*schema, *relation)),
        [catalog, schema, relation] if catalog.eq_ignore_ascii_case(CATALOG) => {
            Ok(RelationName::new(*schema, *relation))
        }
        [catalog, _, _] => Err(Error::invalid(format!(
            "catalog '{catalog}' does not exist; the only one is '{CATALOG}'"
        ))),
        _ => Err(Error::invalid(format!("'{name}' has too many parts"))),
    }
}

/// The schema that the parts of a name mean.
///
/// # Errors
/// [`Error::Invalid`] for another catalog; [`mica_catalog::Error::SchemaNotFound`] is the caller's.
pub(crate) fn resolve_schema(parts: &[String]) -> Result<&str> {
    match parts {
        [schema] => Ok(schema),
        [catalog, schema] if catalog.eq_ignore_ascii_case(CATALOG) => Ok(schema),
        _ => Err(Error::invalid(format!(
            "'{}' is not the name of a schema",
            parts.join(".")
        ))),
    }
}

/// The error for a relation that is not there, with its position in the query.
pub(crate) fn missing(
    snapshot: &Snapshot,
    name: &RelationName,
    position: Option<Position>,
) -> Error {
    let error = match snapshot.require_schema(name.schema.as_str()) {
        _ if name.schema.folded() == INFORMATION_SCHEMA => mica_catalog::Error::NotFound {
            name: name.clone(),
            near: near_matches(name.relation.as_str(), information_schema::names()),
        },
        Ok(_) => snapshot.not_found(name),
        Err(error) => error,
    };
    match position {
        Some(position) => Error::Missing {
            position,
            source: error,
        },
        None => Error::Catalog(error),
    }
}
