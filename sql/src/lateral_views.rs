//! `LATERAL VIEW explode(list) v AS x` of Hive and Spark.
//!
//! ```text
//! FROM t LATERAL VIEW explode(t.list) v AS x
//!   -> FROM (SELECT t.*, unnest(t.list) AS x FROM t) AS t, and v.x is x
//! ```
//!
//! DataFusion's planner has no join with a function of the left side's columns. One relation can be
//! put into a subquery under its own name; more are refused by [`crate::reject`].

use std::sync::LazyLock;

use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, LateralView, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, VisitMut,
    WildcardAdditionalOptions,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::{generators, own_names};

/// What an unnested relation is read by. Its parts are put there by [`unnested`].
static DERIVED: LazyLock<Option<TableFactor>> = LazyLock::new(|| {
    let text = "SELECT 1 FROM (SELECT 1 FROM t) AS t";
    let mut parser = Parser::new(&GenericDialect).try_with_sql(text).ok()?;
    match *parser.parse_query().ok()?.body {
        SetExpr::Select(select) => Some(select.from.into_iter().next()?.relation),
        _ => None,
    }
});

/// Lateral views of a select, at most: each is a subquery around those before it.
const VIEWS_MAX: usize = 32;

/// Whether [`rewrite_select`] can write the lateral views of `select`.
pub(crate) fn are_known(select: &Select) -> bool {
    let one = match select.from.as_slice() {
        [from] => from.joins.is_empty() && name_of(&from.relation).is_some(),
        _ => false,
    };
    select.lateral_views.is_empty()
        || one
            && select.lateral_views.len() <= VIEWS_MAX
            && select
                .lateral_views
                .iter()
                .all(|view| columns(view).is_some())
}

/// Takes lists and maps apart in subqueries, for a query whose select has lateral views.
pub(crate) fn rewrite_query(query: &mut Query) {
    let SetExpr::Select(select) = &mut *query.body else {
        return;
    };
    let views = rewrite(select);
    if let Some(order) = &mut query.order_by {
        views.iter().for_each(|view| view.unqualify(order));
    }
}

/// Takes lists and maps apart in subqueries.
pub(crate) fn rewrite_select(select: &mut Select) {
    rewrite(select);
}

fn rewrite(select: &mut Select) -> Vec<View> {
    if select.lateral_views.is_empty() || !are_known(select) {
        return Vec::new();
    }
    let mut done = Vec::new();
    while !select.lateral_views.is_empty() {
        let view = select.lateral_views.remove(0);
        let Some(columns) = columns(&view) else {
            continue;
        };
        let view = View {
            name: view.lateral_view_name.to_string(),
            columns: columns.iter().map(|(_, name)| name.clone()).collect(),
        };
        if let [from] = select.from.as_mut_slice() {
            let relation = name_of(&from.relation);
            view.rewrite_stars(&mut select.projection, relation.as_ref());
            unnested(from, columns);
        }
        view.unqualify(select);
        done.push(view);
    }
    done
}

/// What a view gives: expressions and their names; none for what is not known.
fn columns(view: &LateralView) -> Option<Vec<(Expr, Ident)>> {
    match &view.lateral_view {
        Expr::Function(call) => generators::columns(call, &view.lateral_col_alias, view.outer),
        _ => None,
    }
}

fn name_of(relation: &TableFactor) -> Option<Ident> {
    match relation {
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } => Some(alias.name.clone()),
        TableFactor::Table { name, .. } => name.0.last()?.as_ident().cloned(),
        _ => None,
    }
}

/// Puts the relation into a subquery that gives `columns`, too.
fn unnested(from: &mut TableWithJoins, columns: Vec<(Expr, Ident)>) {
    let (Some(name), Some(mut derived)) = (name_of(&from.relation), DERIVED.clone()) else {
        return;
    };
    let TableFactor::Derived {
        subquery,
        alias: Some(alias),
        ..
    } = &mut derived
    else {
        return;
    };
    let SetExpr::Select(inner) = &mut *subquery.body else {
        return;
    };
    let all = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![name.clone()]));
    let all = SelectItem::QualifiedWildcard(all, WildcardAdditionalOptions::default());
    let columns = columns.into_iter();
    let columns = columns.map(|(expr, alias)| SelectItem::ExprWithAlias { expr, alias });
    inner.projection = std::iter::once(all).chain(columns).collect();
    alias.name = name;
    if let [inner] = inner.from.as_mut_slice() {
        std::mem::swap(&mut inner.relation, &mut from.relation);
    }
    from.relation = derived;
}

/// A view, and the columns that it gives.
struct View {
    name: String,
    columns: Vec<Ident>,
}

impl View {
    /// Takes the view's name off its columns.
    fn unqualify(&self, node: &mut impl VisitMut) {
        let is_column = |name: &Ident| {
            let mut columns = self.columns.iter();
            columns.any(|known| known.value.eq_ignore_ascii_case(&name.value))
        };
        own_names::each_expression(node, |expr| {
            if let Expr::CompoundIdentifier(parts) = expr
                && let [view, column, ..] = parts.as_slice()
                && view.value.eq_ignore_ascii_case(&self.name)
                && is_column(column)
            {
                parts.remove(0);
                if let [column] = parts.as_slice() {
                    *expr = Expr::Identifier(column.clone());
                }
            }
        });
    }

    /// `t.*` has none of the view's columns, `v.*` no others.
    fn rewrite_stars(&self, items: &mut Vec<SelectItem>, relation: Option<&Ident>) {
        let mut rewritten = Vec::with_capacity(items.len());
        for mut item in items.drain(..) {
            if let SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(of),
                options,
            ) = &mut item
            {
                let of = of.to_string();
                if of.eq_ignore_ascii_case(&self.name) {
                    let columns = self.columns.iter().cloned().map(Expr::Identifier);
                    rewritten.extend(columns.map(SelectItem::UnnamedExpr));
                    continue;
                }
                if relation.is_some_and(|name| of.eq_ignore_ascii_case(&name.value)) {
                    let own = self.columns.iter().cloned().map(ObjectName::from);
                    let mut excluded: Vec<ObjectName> = own.collect();
                    if let Some(ExcludeSelectItem::Multiple(before)) = &options.opt_exclude {
                        excluded.extend(before.iter().cloned());
                    }
                    options.opt_exclude = Some(ExcludeSelectItem::Multiple(excluded));
                }
            }
            rewritten.push(item);
        }
        *items = rewritten;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_subquery_is_sql() {
        assert!(super::DERIVED.is_some());
    }
}
