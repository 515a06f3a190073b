//! Passes over the plan of one text, before analysis: types that a dialect gives to literals and
//! ranks, and what a number is as a timestamp.

mod spark;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Cast, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Union,
    WindowFunctionDefinition, lit,
};

use crate::Dialect;
use crate::functions::local_time;
use crate::multisets;
use spark::{doubles_win, moments_as_numbers, narrow_literals};

/// Gives literals and ranks the types of `dialect`, and numbers that become timestamps their unit.
pub(crate) fn run(plan: LogicalPlan, dialect: Dialect) -> Result<LogicalPlan> {
    let plan = multisets::number_copies(plan)?;
    let plan = match dialect {
        Dialect::Spark => moments_as_numbers(doubles_win(narrow_literals(plan)?)?)?,
        Dialect::Ansi => counted_digits(plan)?,
    };
    let plan = signed_ranks(moments(plan)?, dialect)?;
    match dialect {
        // What was narrowed has other types now.
        Dialect::Spark => Ok(plan.resolve_lambda_variables()?.data),
        Dialect::Ansi => Ok(plan),
    }
}

/// Rewrites each expression of `plan`, and what is in it, from the leaves up, with the columns that it
/// sees; then each node by `after`. Columns keep their names.
pub(crate) fn each_expression(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
    after: fn(LogicalPlan) -> Result<LogicalPlan>,
) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        let rewritten = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| rewrite(expr, &schema))?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })?;
        rewritten.map_data(after)
    })?;
    Ok(plan.data)
}

/// A whole number is a timestamp in seconds, as in DataFusion and Spark. DataFusion's planner sees
/// to it for timestamps in nanoseconds only; Arrow's cast would take it in the timestamp's own unit.
/// And a zoned timestamp becomes a plain one as the session's clock shows it.
fn moments(plan: LogicalPlan) -> Result<LogicalPlan> {
    each_expression(plan, |expr, schema| Ok(as_moment(expr, schema)), Ok)
}

fn as_moment(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let (value, to) = match &mut expr {
        Expr::Cast(cast) => (&mut cast.expr, cast.field.data_type()),
        Expr::TryCast(cast) => (&mut cast.expr, cast.field.data_type()),
        _ => return Transformed::no(expr),
    };
    let changed = in_seconds(value, to, schema) || local_time::shown(value, to, schema);
    Transformed::new_transformed(expr, changed)
}

/// Makes a whole number that is cast to a timestamp one in seconds. Tells whether it did.
fn in_seconds(number: &mut Expr, to: &DataType, schema: &DFSchema) -> bool {
    let DataType::Timestamp(_, zone) = to else {
        return false;
    };
    let unit = DataType::Timestamp(TimeUnit::Second, zone.clone());
    if !number.get_type(schema).is_ok_and(|from| from.is_integer()) || *to == unit {
        return false;
    }
    let whole = Box::new(std::mem::take(number));
    *number = Expr::Cast(Cast::new(whole, unit));
    true
}

/// Nodes follow their inputs; those of a union need not agree before the analyzer coerces them.
pub(crate) fn recompute(node: LogicalPlan) -> Result<LogicalPlan> {
    match node {
        LogicalPlan::Union(union) => {
            Union::try_new_with_loose_types(union.inputs).map(LogicalPlan::Union)
        }
        LogicalPlan::RecursiveQuery(_) => Ok(node),
        node => node.recompute_schema(),
    }
}

/// How many digits `round` and `trunc` keep is an INTEGER to them. The analyzer would make a cast of a
/// BIGINT, and no longer see how many a decimal has then.
fn counted_digits(plan: LogicalPlan) -> Result<LogicalPlan> {
    each_expression(plan, |expr, _| Ok(with_count(expr)), recompute)
}

fn with_count(expr: Expr) -> Transformed<Expr> {
    let Expr::ScalarFunction(mut call) = expr else {
        return Transformed::no(expr);
    };
    let counts = ["round", "trunc"].contains(&call.func.name());
    let count = match call.args.get(1) {
        Some(Expr::Literal(ScalarValue::Int64(Some(count)), _)) if counts => i32::try_from(*count),
        _ => return Transformed::no(Expr::ScalarFunction(call)),
    };
    let changed = count.is_ok();
    if let Ok(count) = count {
        call.args[1] = lit(count);
    }
    Transformed::new_transformed(Expr::ScalarFunction(call), changed)
}

/// `row_number`, `rank` and their kin count in BIGINT (INT in Spark), not in an unsigned type that
/// no client knows.
fn signed_ranks(plan: LogicalPlan, dialect: Dialect) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Window(window) = &node else {
            // Types below may have changed.
            return Ok(Transformed::no(recompute(node)?));
        };
        let ranks: Vec<bool> = window.window_expr.iter().map(is_rank).collect();
        if !ranks.contains(&true) {
            return Ok(Transformed::no(node));
        }
        let first = window.input.schema().fields().len();
        let columns = node.schema().columns();
        let exprs: Vec<Expr> = columns
            .into_iter()
            .enumerate()
            // The analyzer takes this one out of the plan when it resolves `grouping(..)`.
            .filter(|(_, column)| column.name != Aggregate::INTERNAL_GROUPING_ID)
            .map(|(at, column)| {
                let rank = at >= first && ranks.get(at - first).copied().unwrap_or(false);
                match rank {
                    true => signed(Expr::Column(column.clone()), dialect)
                        .alias_qualified(column.relation.clone(), column.name),
                    false => Expr::Column(column),
                }
            })
            .collect();
        let projected = LogicalPlanBuilder::from(node).project(exprs)?.build()?;
        Ok(Transformed::yes(projected))
    })?;
    Ok(plan.data)
}

fn signed(expr: Expr, dialect: Dialect) -> Expr {
    let to = match dialect {
        Dialect::Spark => DataType::Int32,
        Dialect::Ansi => DataType::Int64,
    };
    Expr::Cast(Cast::new(Box::new(expr), to))
}

fn is_rank(expr: &Expr) -> bool {
    const RANKS: [&str; 4] = ["row_number", "rank", "dense_rank", "ntile"];
    let expr = match expr {
        Expr::Alias(alias) => &*alias.expr,
        expr => expr,
    };
    let Expr::WindowFunction(window) = expr else {
        return false;
    };
    let WindowFunction { fun, .. } = &**window;
    matches!(fun, WindowFunctionDefinition::WindowUDF(fun) if RANKS.contains(&fun.name()))
}

/// Number of nodes of a plan, subqueries included.
pub(crate) fn count_nodes(plan: &LogicalPlan) -> Result<u64> {
    let mut nodes = 0;
    plan.apply_with_subqueries(|_| {
        nodes += 1;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(nodes)
}
