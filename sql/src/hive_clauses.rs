//! Clauses that Hive and Spark have beside SQL's: `WITH ROLLUP` and `WITH CUBE` behind a list,
//! `SEMI JOIN` and `ANTI JOIN`, `DISTRIBUTE BY`, `SORT BY` and `CLUSTER BY`; names of `VALUES`.

use sqlparser::ast::{
    Expr, GroupByExpr, GroupByWithModifier, Ident, JoinOperator, OrderBy, OrderByExpr, OrderByKind,
    OrderByOptions, Query, Select, SelectItem, SetExpr, TableAlias, TableAliasColumnDef,
    TableFactor, Value,
};

/// Whether what stands behind GROUP BY is neither ROLLUP nor CUBE of its list.
pub(crate) fn is_other_grouping(group_by: &GroupByExpr) -> bool {
    match group_by {
        GroupByExpr::Expressions(_, modifiers) => !matches!(
            modifiers.as_slice(),
            [] | [GroupByWithModifier::Rollup | GroupByWithModifier::Cube]
        ),
        GroupByExpr::All(modifiers) => !modifiers.is_empty(),
    }
}

/// `GROUP BY a, b WITH ROLLUP` is `GROUP BY ROLLUP (a, b)`, and so on.
pub(crate) fn rewrite_grouping(select: &mut Select) {
    let GroupByExpr::Expressions(exprs, modifiers) = &mut select.group_by else {
        return;
    };
    let items = &select.projection;
    let sets = |exprs: &mut Vec<Expr>| {
        let exprs = exprs.drain(..);
        exprs.map(|expr| vec![listed(expr, items)]).collect()
    };
    let grouped = match modifiers.as_slice() {
        [GroupByWithModifier::Rollup] => Expr::Rollup(sets(exprs)),
        [GroupByWithModifier::Cube] => Expr::Cube(sets(exprs)),
        _ => return,
    };
    modifiers.clear();
    exprs.push(grouped);
}

/// What stands in the select list where `GROUP BY` has a number: within ROLLUP it would be a value.
fn listed(expr: Expr, items: &[SelectItem]) -> Expr {
    let Expr::Value(value) = &expr else {
        return expr;
    };
    let Value::Number(place, _) = &value.value else {
        return expr;
    };
    let place = place.parse::<usize>().unwrap_or_default();
    match items.get(place.wrapping_sub(1)) {
        Some(SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }) => {
            item.clone()
        }
        _ => expr,
    }
}

/// A semi join is one of the left side's rows unless it says otherwise.
pub(crate) fn rewrite_joins(select: &mut Select) {
    for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
        match &join.join_operator {
            JoinOperator::Semi(on) => join.join_operator = JoinOperator::LeftSemi(on.clone()),
            JoinOperator::Anti(on) => join.join_operator = JoinOperator::LeftAnti(on.clone()),
            _ => {}
        }
    }
}

/// Where rows are computed is no part of a result. Within each place they are sorted: here, where
/// there is one, all are.
pub(crate) fn rewrite_sorting(query: &mut Query) {
    let SetExpr::Select(select) = &mut *query.body else {
        return;
    };
    let clustered = select.cluster_by.iter().cloned().map(ascending);
    let exprs: Vec<OrderByExpr> = select.sort_by.iter().cloned().chain(clustered).collect();
    if query.order_by.is_none() && !exprs.is_empty() {
        query.order_by = Some(OrderBy {
            kind: OrderByKind::Expressions(exprs),
            interpolate: None,
        });
    }
}

/// Takes the clauses away that [`rewrite_sorting`] has seen, or that stand where no order is kept.
pub(crate) fn forget_sorting(select: &mut Select) {
    select.distribute_by.clear();
    select.cluster_by.clear();
    select.sort_by.clear();
}

/// The columns of `VALUES` are `col1`, `col2` and so on unless they are named.
pub(crate) fn name_values(relation: &mut TableFactor) {
    let TableFactor::Derived {
        subquery, alias, ..
    } = relation
    else {
        return;
    };
    let SetExpr::Values(values) = &*subquery.body else {
        return;
    };
    let alias = alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: Ident::new("inline_table"),
        columns: Vec::new(),
        at: None,
    });
    if alias.columns.is_empty() {
        let count = values.rows.first().map_or(0, |row| row.len());
        let name = |at| TableAliasColumnDef {
            name: Ident::new(format!("col{at}")),
            data_type: None,
        };
        alias.columns = (1..=count).map(name).collect();
    }
}

fn ascending(expr: Expr) -> OrderByExpr {
    OrderByExpr {
        expr,
        options: OrderByOptions {
            asc: None,
            nulls_first: None,
        },
        with_fill: None,
    }
}
