//! Keys of grouping sets, of which the optimizer must know nothing.
//!
//! DataFusion takes what it knows of a key in the input for the groups': that it is constant, or in
//! the order of another column. ROLLUP makes keys NULL, so that neither holds: sorts are left out,
//! and groups are taken for complete that are not. So the keys go through
//! [`crate::functions::opaque`] before they are grouped by.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, Projection};

use crate::functions::opaque;

/// Hides the keys of all grouping sets of an analysed plan.
///
/// # Errors
/// What DataFusion says of a plan that it cannot walk.
pub(crate) fn hide_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => match aggregate.group_expr.as_slice() {
            // What a subquery is joined by, DataFusion has to see.
            [Expr::GroupingSet(_)] if !is_correlated(&aggregate.input)? => {
                let hidden = hide(aggregate)?;
                Ok(Transformed::yes(LogicalPlan::Aggregate(hidden)))
            }
            _ => Ok(Transformed::no(LogicalPlan::Aggregate(aggregate))),
        },
        node => Ok(Transformed::no(node)),
    })?;
    Ok(plan.data)
}

fn is_correlated(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(node.contains_outer_reference()))
}

fn hide(mut aggregate: Aggregate) -> Result<Aggregate> {
    let Some(Expr::GroupingSet(sets)) = aggregate.group_expr.pop() else {
        return Ok(aggregate);
    };
    let keys: Vec<Expr> = sets.distinct_expr().into_iter().cloned().collect();
    let columns = aggregate.input.schema().iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::from((qualifier, field)));
        match keys.contains(&column) {
            true => opaque(column).alias_qualified(qualifier.cloned(), field.name()),
            false => column,
        }
    });
    let computed = keys.iter().filter(|key| !matches!(key, Expr::Column(_)));
    let computed = computed.map(|key| opaque(key.clone()).alias(key.schema_name().to_string()));
    let exprs = columns.chain(computed).collect();
    let input = Projection::try_new(exprs, Arc::clone(&aggregate.input))?;
    let input = Arc::new(LogicalPlan::Projection(input));
    let groups = vec![Expr::GroupingSet(by_name(sets))];
    Aggregate::try_new(input, groups, aggregate.aggr_expr)
}

/// The sets, with columns in the place of what is computed.
fn by_name(sets: GroupingSet) -> GroupingSet {
    let named = |key: Expr| match key {
        Expr::Column(_) => key,
        key => Expr::Column(Column::new_unqualified(key.schema_name().to_string())),
    };
    let all = |keys: Vec<Expr>| keys.into_iter().map(named).collect();
    match sets {
        GroupingSet::Rollup(keys) => GroupingSet::Rollup(all(keys)),
        GroupingSet::Cube(keys) => GroupingSet::Cube(all(keys)),
        GroupingSet::GroupingSets(sets) => {
            GroupingSet::GroupingSets(sets.into_iter().map(all).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{LogicalPlanBuilder, col, lit};

    use super::opaque;
    use crate::moment::Reuse;

    #[test]
    fn a_plan_with_hidden_keys_is_reused() {
        let values = LogicalPlanBuilder::values(vec![vec![lit(1)]]).unwrap();
        let plan = values.project([opaque(col("column1"))]).unwrap();
        let reuse = Reuse::of(&plan.build().unwrap()).unwrap();
        assert!(matches!(reuse, Reuse::Always), "{reuse:?}");
    }
}
