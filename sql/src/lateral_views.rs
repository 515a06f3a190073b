//! `LATERAL VIEW explode(list) v AS x` of Hive and Spark.
//!
//! ```text
//! FROM t LATERAL VIEW explode(t.list) v AS x
//!   -> FROM (SELECT t.*, unnest(t.list) AS x FROM t) AS t, and v.x is x
//! ```
//!
//! DataFusion's planner has no join with a function of the left side's columns. The relation whose
//! list it is is put into a subquery under its own name, where that is the same; else the view is
//! refused by [`crate::reject`].

mod places;
mod stars;

use sqlparser::ast::{
    Expr, Ident, LateralView, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, VisitMut, WildcardAdditionalOptions,
};

use crate::{generators, own_names, templates};

/// Lateral views of a select, at most: each is a subquery around those before it.
const VIEWS_MAX: usize = 32;

/// Whether [`rewrite_select`] can write the lateral views of `select`.
pub(crate) fn are_known(select: &Select) -> bool {
    select.lateral_views.is_empty() || views(select).is_some()
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
    if select.lateral_views.is_empty() {
        return Vec::new();
    }
    let Some(views) = views(select) else {
        return Vec::new();
    };
    let mut generated: Vec<LateralView> = select.lateral_views.drain(..).collect();
    stars::spell_out(select, &views);
    for (at, view) in views.iter().enumerate() {
        let lateral = &generated[at];
        // The views before it are columns by now.
        let columns = columns(lateral).unwrap_or_default();
        if let [from] = select.from.as_mut_slice()
            && let Some(relation) = places::relation_mut(from, view.place)
        {
            let name = places::name_of(relation);
            view.rewrite_stars(&mut select.projection, name.as_ref());
            unnested(relation, columns);
        }
        view.unqualify(select);
        generated[at + 1..]
            .iter_mut()
            .for_each(|next| view.unqualify(&mut next.lateral_view));
    }
    views
}

/// The lateral views of a select, each with the relation that it is put into; none if it is not
/// known which one that is, or if it would not be the same.
fn views(select: &Select) -> Option<Vec<View>> {
    let [from] = select.from.as_slice() else {
        return None;
    };
    if select.lateral_views.len() > VIEWS_MAX {
        return None;
    }
    let mut views: Vec<View> = Vec::new();
    for lateral in &select.lateral_views {
        let columns = columns(lateral)?;
        let place = places::of(&lateral.lateral_view, from, &views)?;
        let stays = lateral.outer && generators::gives_nothing_for_null(&lateral.lateral_view);
        if !places::commutes(from, place, stays) {
            return None;
        }
        views.push(View {
            name: lateral.lateral_view_name.to_string(),
            columns: columns.into_iter().map(|(_, name)| name).collect(),
            place,
        });
    }
    stars::are_known(select).then_some(views)
}

/// What a view gives: expressions and their names; none for what is not known.
fn columns(view: &LateralView) -> Option<Vec<(Expr, Ident)>> {
    match &view.lateral_view {
        Expr::Function(call) => generators::columns(call, &view.lateral_col_alias, view.outer),
        _ => None,
    }
}

/// Puts the relation into a subquery that gives `columns`, too.
fn unnested(relation: &mut TableFactor, columns: Vec<(Expr, Ident)>) {
    let template = templates::subquery("(SELECT 1 FROM t) AS t");
    let (Some(name), Some(mut subquery)) = (places::name_of(relation), template) else {
        return;
    };
    let all = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![name.clone()]));
    let all = SelectItem::QualifiedWildcard(all, WildcardAdditionalOptions::default());
    let columns = columns.into_iter();
    let columns = columns.map(|(expr, alias)| SelectItem::ExprWithAlias { expr, alias });
    if let Some(inner) = templates::select_of(&mut subquery)
        && let [from] = inner.from.as_mut_slice()
    {
        std::mem::swap(&mut from.relation, relation);
        inner.projection = std::iter::once(all).chain(columns).collect();
    }
    if let TableFactor::Derived {
        alias: Some(alias), ..
    } = &mut subquery
    {
        alias.name = name;
    }
    *relation = subquery;
}

/// A view, and the columns that it gives.
struct View {
    name: String,
    columns: Vec<Ident>,
    /// Which relation of the `FROM` has its columns.
    place: usize,
}

impl View {
    fn has_column(&self, name: &str) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|known| known.value.eq_ignore_ascii_case(name))
    }

    /// Takes the view's name off its columns.
    fn unqualify(&self, node: &mut impl VisitMut) {
        own_names::each_expression(node, |expr| {
            if let Expr::CompoundIdentifier(parts) = expr
                && let [view, column, ..] = parts.as_slice()
                && view.value.eq_ignore_ascii_case(&self.name)
                && self.has_column(&column.value)
            {
                parts.remove(0);
                if let [column] = parts.as_slice() {
                    *expr = Expr::Identifier(column.clone());
                }
            }
        });
    }
}
