//! `l.sku` where `l` is no relation but a column: a field, which is called `sku`.

use std::collections::HashSet;

use mica_catalog::fold;
use sqlparser::ast::{Expr, Ident, Select, TableFactor, TableWithJoins};

/// Folded names that a select's columns can be qualified by.
pub(crate) fn relations(select: &Select) -> HashSet<String> {
    let mut names = HashSet::new();
    select.from.iter().for_each(|from| joined(from, &mut names));
    for view in &select.lateral_views {
        names.insert(fold(&view.lateral_view_name.to_string()));
    }
    names
}

/// The name of `expr`, if it is a field of a column.
pub(crate) fn name<'a>(expr: &'a Expr, relations: &HashSet<String>) -> Option<&'a Ident> {
    match expr {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [column, field] if !relations.contains(&fold(&column.value)) => Some(field),
            _ => None,
        },
        _ => None,
    }
}

fn joined(from: &TableWithJoins, names: &mut HashSet<String>) {
    named(&from.relation, names);
    for join in &from.joins {
        named(&join.relation, names);
    }
}

fn named(factor: &TableFactor, names: &mut HashSet<String>) {
    match factor {
        TableFactor::Table { name, alias, .. } => {
            let own = name.0.last().and_then(|part| part.as_ident());
            let alias = alias.as_ref().map(|alias| &alias.name);
            names.extend(alias.or(own).map(|name| fold(&name.value)));
        }
        TableFactor::NestedJoin {
            table_with_joins,
            alias,
        } => {
            joined(table_with_joins, names);
            names.extend(alias.iter().map(|alias| fold(&alias.name.value)));
        }
        TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. } => {
            names.extend(alias.iter().map(|alias| fold(&alias.name.value)));
        }
        _ => {}
    }
}
