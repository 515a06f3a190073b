//! The spelling of a result's columns: the written alias, else the stored spelling.
//!
//! The planner works on folded names; this is the one place where they are spelled again.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::logical_expr::LogicalPlan;
use mica_catalog::fold;
use sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, TableAlias, TableFactor, Visit, Visitor,
};

use crate::level::{Source, Sources};
use crate::naming::{self, fields};
use crate::{Dialect, StatementText, generators, pivot};

/// The names of the output of `plan`, which was planned from `query` over `sources`.
pub(crate) fn output_names(
    query: &Query,
    text: &StatementText,
    plan: &LogicalPlan,
    sources: &Sources,
    dialect: Dialect,
) -> Vec<String> {
    let mut written = Written::new(text);
    let _ = query.visit(&mut written);
    let schema = plan.schema();
    let first = naming::leftmost(&query.body);
    let top = first
        .map(|select| top_aliases(select, text))
        .unwrap_or_default();
    let given = first
        .map(|select| given_names(select, text, dialect, schema.fields().len()))
        .unwrap_or_default();
    let columns = schema.iter().enumerate();
    columns
        .map(|(at, (qualifier, field))| {
            let name = naming::shown(field.name());
            if let Some(Some(given)) = given.get(at) {
                return given.clone();
            }
            if let Some(alias) = top.get(name) {
                return alias.clone();
            }
            written
                .stored(qualifier, name, sources)
                .or_else(|| written.aliases.get(name).cloned())
                .unwrap_or_else(|| name.to_owned())
        })
        .collect()
}

/// An identifier as written: folding at the token kept its spelling by position.
pub(crate) fn spelled(ident: &Ident, text: &StatementText) -> String {
    let written = text.spellings.get(&ident.span.start.into());
    written.cloned().unwrap_or_else(|| ident.value.clone())
}

/// Folded alias to written alias, of one select list.
fn top_aliases(select: &Select, text: &StatementText) -> HashMap<String, String> {
    fn aliases(item: &SelectItem) -> &[Ident] {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => std::slice::from_ref(alias),
            SelectItem::ExprWithAliases { aliases, .. } => aliases,
            _ => &[],
        }
    }
    let aliases = select.projection.iter().flat_map(aliases);
    aliases
        .map(|alias| (fold(&alias.value), spelled(alias, text)))
        .collect()
}

/// The aliases, and the names of expressions without one, by column. Columns between two wildcards have none:
/// their places are not known.
fn given_names(
    select: &Select,
    text: &StatementText,
    dialect: Dialect,
    columns: usize,
) -> Vec<Option<String>> {
    let naming = ItemNames {
        relations: fields::relations(select),
        text,
        dialect,
    };
    let items = select.projection.iter();
    let items: Vec<Option<Vec<Option<String>>>> = items.map(|item| naming.of(item)).collect();
    let has_wildcard = items.iter().any(Option::is_none);
    let known: usize = items.iter().flatten().map(Vec::len).sum();
    let mut names = vec![None; columns];
    // A struct that is taken apart becomes columns of its own, and shifts the rest.
    if !has_wildcard && known != columns {
        return names;
    }
    let before = items.iter().map_while(Option::as_ref).flatten();
    for (place, name) in names.iter_mut().zip(before) {
        place.clone_from(name);
    }
    let after = items.iter().rev().map_while(Option::as_ref);
    let after = after.flat_map(|names| names.iter().rev());
    for (place, name) in names.iter_mut().rev().zip(after) {
        place.clone_from(name);
    }
    names
}

/// How the columns of a select list's items are called.
struct ItemNames<'a> {
    relations: HashSet<String>,
    text: &'a StatementText,
    dialect: Dialect,
}

impl ItemNames<'_> {
    /// The names of an item's columns, where it gives them some; none for a wildcard.
    fn of(&self, item: &SelectItem) -> Option<Vec<Option<String>>> {
        let width = match self.dialect {
            Dialect::Ansi => 1,
            Dialect::Spark => generators::width(item),
        };
        match item {
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } if width != 1 => {
                Some(vec![None; width])
            }
            SelectItem::UnnamedExpr(expr) => Some(vec![self.of_expression(expr)]),
            SelectItem::ExprWithAlias { alias, .. } => Some(vec![Some(spelled(alias, self.text))]),
            SelectItem::ExprWithAliases { aliases, .. } => {
                let spelled = aliases.iter().map(|alias| Some(spelled(alias, self.text)));
                Some(spelled.collect())
            }
            _ => None,
        }
    }

    fn of_expression(&self, expr: &Expr) -> Option<String> {
        let name = naming::of_expression(expr, self.text, self.dialect);
        name.or_else(|| Some(spelled(fields::name(expr, &self.relations)?, self.text)))
    }
}

/// What the text calls things, at any depth.
struct Written<'a> {
    text: &'a StatementText,
    /// Folded alias of a column to the written one; the first wins.
    aliases: HashMap<String, String>,
    /// Folded alias of a relation to the relation.
    relations: HashMap<String, TableReference>,
}

impl<'a> Written<'a> {
    fn new(text: &'a StatementText) -> Self {
        Self {
            text,
            aliases: HashMap::new(),
            relations: HashMap::new(),
        }
    }

    /// The spelling that the catalog stores for a column: of the qualifier's relation if it is
    /// one, else of the first relation that has such a column.
    fn stored(
        &self,
        qualifier: Option<&TableReference>,
        name: &str,
        sources: &Sources,
    ) -> Option<String> {
        let spelled = |source: &Source| {
            let fields = source.relation.body.columns.fields();
            let found = fields.iter().find(|field| fold(field.name()) == name);
            found.map(|field| field.name().clone())
        };
        let qualified = qualifier.and_then(|qualifier| {
            let alias = self.relations.get(qualifier.table());
            sources.get(alias.unwrap_or(qualifier))
        });
        if let Some(source) = qualified {
            return spelled(source);
        }
        let mut all: Vec<_> = sources.iter().collect();
        all.sort_by(|a, b| a.0.cmp(b.0));
        all.into_iter().find_map(|(_, source)| spelled(source))
    }

    fn table_alias(&mut self, alias: &TableAlias) {
        for column in &alias.columns {
            let written = spelled(&column.name, self.text);
            self.aliases.entry(fold(&written)).or_insert(written);
        }
    }
}

impl Visitor for Written<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.table_alias(&cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for (folded, written) in top_aliases(select, self.text) {
            self.aliases.entry(folded).or_insert(written);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table {
                name,
                alias: Some(alias),
                ..
            } => {
                let name =
                    datafusion::sql::planner::object_name_to_table_reference(name.clone(), true);
                if let Ok(name) = name {
                    self.relations.insert(fold(&alias.name.value), name);
                }
                self.table_alias(alias);
            }
            TableFactor::Derived {
                alias: Some(alias), ..
            } => self.table_alias(alias),
            TableFactor::Pivot { .. } => {
                for written in pivot::names(factor, &|name| spelled(name, self.text)) {
                    self.aliases.entry(fold(&written)).or_insert(written);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
