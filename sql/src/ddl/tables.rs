//! Creating and refreshing external tables.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use mica_catalog::{
    COMMENT_KEY, Definition, EntryId, Name, Relation, RelationBody, RelationKind, RelationName,
    Source, Version,
};
use sqlparser::ast::ObjectName;

use super::columns::keep_comments;
use super::views::{already_there, exists, now_ms, outcome, temporary_name, wrong_kind};
use super::{DefineTable, DefinedTable, Draft, Executor, Origin, SessionContext, constraints};
use crate::graph::Temporary;
use crate::statement::{CreateTable, TableColumn};
use crate::{Dialect, Error, Parsed, Result, Statement, one, parse, references, wire};

impl Executor {
    pub(super) async fn create_table(
        &self,
        draft: &mut Draft,
        table: &CreateTable,
        session: &SessionContext,
        origin: &Origin,
        source: Option<&Source>,
    ) -> Result<String> {
        let name = references::resolve_object(&table.name, &session.scope)?;
        let old = self.current(draft, &name).await?;
        if let Some(old) = &old {
            // What a project creates replaces what it created before.
            if table.if_not_exists && source.is_none() {
                return Ok(format!("'{name}' exists already"));
            }
            if !table.or_replace && source.is_none() {
                return Err(exists(old));
            }
            if old.kind() != RelationKind::ExternalTable && source.is_none() {
                return Err(wrong_kind(old, "table", "drop it first"));
            }
        }
        let (mut body, note) = self
            .table_body(name.clone(), table, session, origin, source)
            .await?;
        draft.notes.extend(note);
        // What a project creates has the keys alone that the project declares.
        if let Some(old) = old.as_ref().filter(|_| source.is_none()) {
            body.constraints = constraints::kept(&old.body, &body);
        }
        let changed = draft.put(&name, body, old.as_ref())?;
        Ok(outcome("table", &name, old.is_some(), changed))
    }

    /// The body of a new table, and what the user should know.
    async fn table_body(
        &self,
        name: RelationName,
        table: &CreateTable,
        session: &SessionContext,
        origin: &Origin,
        source: Option<&Source>,
    ) -> Result<(RelationBody, Option<String>)> {
        let Some(location) = table.location.clone() else {
            return Err(Error::invalid(
                "the table has no location: add LOCATION 'path', or OPTIONS (path 'path')",
            ));
        };
        let request = DefineTable {
            name,
            location,
            format: table.format.clone(),
            options: table.options.clone(),
            columns: declared(&table.columns),
            partition_columns: table.partition_columns.clone(),
            dialect: session.scope.dialect,
            origin: origin.clone(),
        };
        let mut defined = self.define(request).await?;
        defined.table.statement = Some(table.text.clone());
        let body = RelationBody {
            columns: with_comments(&defined.columns, &table.columns),
            comment: table.comment.clone(),
            owner: session.user.clone(),
            properties: table.properties.clone(),
            created_at_ms: now_ms(),
            source: source.cloned(),
            constraints: Vec::new(),
            broken: None,
            definition: Definition::ExternalTable(defined.table),
        };
        Ok((body, defined.note))
    }

    /// A table that lives with the session: Spark's `CREATE TEMPORARY VIEW .. USING`.
    pub(super) async fn create_temporary_table(
        &self,
        table: &CreateTable,
        session: &mut SessionContext,
        origin: &Origin,
    ) -> Result<String> {
        let name = temporary_name(&table.name)?;
        if session.temporary.get(&name).is_some() && !table.or_replace {
            return already_there(name, table.if_not_exists);
        }
        let full = Temporary::name(&Name::from(name.as_str()));
        let (body, note) = self
            .table_body(full.clone(), table, session, origin, None)
            .await?;
        session.temporary.insert(Relation {
            id: EntryId::random(),
            since: Version(0),
            name: full,
            body: Arc::new(body),
        });
        let note = note.map_or(String::new(), |note| format!("\n{note}"));
        Ok(format!("created temporary view '{name}'{note}"))
    }

    async fn define(&self, request: DefineTable) -> Result<DefinedTable> {
        let name = request.name.clone();
        let defined = self.definer.define(request).await;
        let mut defined = defined.map_err(|source| Error::Define { name, source })?;
        let fields = defined.columns.fields().iter().map(|field| {
            let data_type = wire::column_type(field.data_type());
            field.as_ref().clone().with_data_type(data_type)
        });
        defined.columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(defined)
    }

    /// Looks at the files of a table again, and infers its columns unless they were declared.
    pub(super) async fn refresh(
        &self,
        draft: &mut Draft,
        name: &ObjectName,
        session: &SessionContext,
    ) -> Result<String> {
        let name = references::resolve_object(name, &session.scope)?;
        let old = self.require(draft, &name).await?;
        let Definition::ExternalTable(table) = &old.body.definition else {
            return Err(wrong_kind(&old, "table", "a view needs no refresh"));
        };
        let request = DefineTable {
            name: name.clone(),
            location: table.location.clone(),
            format: table.format.clone(),
            options: table.options.clone(),
            columns: has_declared_columns(table).then(|| Arc::clone(&old.body.columns)),
            partition_columns: table.partition_columns.clone(),
            dialect: inferred_in(table),
            // The location was admitted when the table was made.
            origin: Origin::Operator {
                folder: "/".to_owned(),
            },
        };
        let mut defined = self.define(request).await?;
        draft.notes.extend(defined.note.take());
        defined.table.statement.clone_from(&table.statement);
        let mut body = (*old.body).clone();
        body.columns = keep_comments(&defined.columns, &old.body.columns);
        body.definition = Definition::ExternalTable(defined.table);
        body.constraints = constraints::kept(&old.body, &body);
        let changed = draft.put(&old.name, body, Some(&old))?;
        Ok(match changed {
            true => format!("refreshed table '{name}': its columns changed"),
            false => format!("table '{name}' is unchanged"),
        })
    }
}

/// The dialect whose types were inferred, as the definer left it in the options.
fn inferred_in(table: &mica_catalog::ExternalTable) -> Dialect {
    let stored = table.options.get("dialect").map(String::as_str);
    stored
        .and_then(|name| Dialect::parse(name).ok())
        .unwrap_or_default()
}

/// Whether the statement that made the table says what columns it has.
fn has_declared_columns(table: &mica_catalog::ExternalTable) -> bool {
    let dialect = inferred_in(table);
    let text = table.statement.as_deref();
    let read = text.map(|text| one(text, dialect).and_then(|text| parse(text, dialect)));
    let Some(Ok(Parsed { statement, .. })) = read else {
        return false;
    };
    matches!(statement, Statement::CreateTable(made) if !made.columns.is_empty())
}

fn declared(columns: &[TableColumn]) -> Option<SchemaRef> {
    if columns.is_empty() {
        return None;
    }
    let field =
        |column: &TableColumn| Field::new(&column.name, wire::column_type(&column.data_type), true);
    let fields: Vec<Field> = columns.iter().map(field).collect();
    Some(Arc::new(Schema::new(fields)))
}

fn with_comments(columns: &Schema, declared: &[TableColumn]) -> SchemaRef {
    let commented: Vec<Field> = declared
        .iter()
        .filter_map(|column| {
            let comment = column.comment.clone()?;
            let field = Field::new(&column.name, column.data_type.clone(), true);
            Some(field.with_metadata([(COMMENT_KEY.to_owned(), comment)].into()))
        })
        .collect();
    keep_comments(columns, &Schema::new(commented))
}
