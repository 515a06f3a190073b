//! Types that Spark gives to literals, and to values of several types at once.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::functions::expr_fn::{date_part, floor};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};

use super::{each_expression, recompute};

/// A timestamp is a number of seconds in Spark. Arrow's cast would count microseconds.
pub(super) fn moments_as_numbers(plan: LogicalPlan) -> Result<LogicalPlan> {
    each_expression(plan, |expr, schema| Ok(as_number(expr, schema)), Ok)
}

fn as_number(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let (value, to) = match &mut expr {
        Expr::Cast(cast) => (&mut cast.expr, cast.field.data_type()),
        Expr::TryCast(cast) => (&mut cast.expr, cast.field.data_type()),
        _ => return Transformed::no(expr),
    };
    let is_moment = |found: DataType| matches!(found, DataType::Timestamp(..));
    if !to.is_numeric() || !value.get_type(schema).is_ok_and(is_moment) {
        return Transformed::no(expr);
    }
    let seconds = date_part(lit("epoch"), std::mem::take(&mut **value));
    **value = if to.is_integer() {
        floor(seconds)
    } else {
        seconds
    };
    Transformed::yes(expr)
}

/// Whole numbers that fit are INT in Spark.
pub(super) fn narrow_literals(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        // Counts of LIMIT and OFFSET are BIGINT to the planner.
        if matches!(node, LogicalPlan::Limit(_)) {
            return Ok(Transformed::no(node));
        }
        let names = NamePreserver::new(&node);
        let narrowed = node.map_expressions(|expr| {
            // Keys of grouping sets cannot be called otherwise than they are.
            if let Expr::GroupingSet(_) = expr {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            Ok(narrow(expr)?.update_data(|expr| name.restore(expr)))
        })?;
        if !narrowed.transformed {
            return narrowed.map_data(recompute);
        }
        narrowed.map_data(|node| match node {
            LogicalPlan::Values(values) => LogicalPlanBuilder::values(values.values)?.build(),
            node => recompute(node),
        })
    })?;
    Ok(plan.data)
}

fn narrow(expr: Expr) -> Result<Transformed<Expr>> {
    expr.transform_down(|expr| match expr {
        Expr::Literal(ScalarValue::Int64(Some(value)), metadata) => match i32::try_from(value) {
            Ok(value) => Ok(Transformed::yes(Expr::Literal(
                ScalarValue::Int32(Some(value)),
                metadata,
            ))),
            Err(_) => Ok(Transformed::no(Expr::Literal(
                ScalarValue::Int64(Some(value)),
                metadata,
            ))),
        },
        // Offsets and counts of window functions are BIGINT to DataFusion.
        Expr::WindowFunction(_) => Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump)),
        // The variables of a lambda have the types of what it is called with.
        Expr::HigherOrderFunction(_) => Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump)),
        expr => Ok(Transformed::no(expr)),
    })
}

/// Where Spark wants one type for several values.
const UNIFYING: [&str; 8] = [
    "coalesce", "nvl", "ifnull", "nvl2", "nullif", "greatest", "least", "if",
];

/// Where a text next to anything else makes a text of all in Spark; DataFusion would read numbers in
/// the texts.
const TEXT_WINS: [&str; 9] = [
    "array",
    "coalesce",
    "greatest",
    "if",
    "ifnull",
    "least",
    "make_array",
    "nvl",
    "nvl2",
];

/// A decimal next to a double becomes a double in Spark; DataFusion would make decimals of both.
pub(super) fn doubles_win(plan: LogicalPlan) -> Result<LogicalPlan> {
    each_expression(plan, unify, recompute)
}

fn unify(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(mut call)
            if UNIFYING.contains(&call.func.name()) || TEXT_WINS.contains(&call.func.name()) =>
        {
            // The first of these is a condition.
            let skipped = usize::from(["nvl2", "if"].contains(&call.func.name()));
            let mut changed = with_doubles(call.args.iter_mut(), schema);
            if TEXT_WINS.contains(&call.func.name()) {
                changed |= with_texts(call.args.iter_mut().skip(skipped), schema);
            }
            Ok(Transformed::new_transformed(
                Expr::ScalarFunction(call),
                changed,
            ))
        }
        Expr::Case(mut case) => {
            let results = case.when_then_expr.iter_mut().map(|(_, then)| &mut **then);
            let otherwise = case.else_expr.as_deref_mut();
            let mut results: Vec<&mut Expr> = results.chain(otherwise).collect();
            let changed = with_doubles(results.iter_mut().map(|result| &mut **result), schema)
                | with_texts(results.into_iter(), schema);
            Ok(Transformed::new_transformed(Expr::Case(case), changed))
        }
        Expr::BinaryExpr(mut binary) => {
            let operands = [&mut *binary.left, &mut *binary.right];
            let changed = with_doubles(operands.into_iter(), schema);
            Ok(Transformed::new_transformed(
                Expr::BinaryExpr(binary),
                changed,
            ))
        }
        expr => Ok(Transformed::no(expr)),
    }
}

/// Casts decimals to doubles if one of the values is a double. Tells whether it did.
fn with_doubles<'a>(values: impl Iterator<Item = &'a mut Expr>, schema: &DFSchema) -> bool {
    let mut values: Vec<(&mut Expr, DataType)> = values
        .filter_map(|value| {
            let data_type = value.get_type(schema).ok()?;
            Some((value, data_type))
        })
        .collect();
    if !values.iter().any(|(_, data_type)| data_type.is_floating()) {
        return false;
    }
    let mut changed = false;
    for (value, data_type) in &mut values {
        if matches!(data_type, DataType::Decimal128(..)) {
            let decimal = std::mem::take(*value);
            **value = Expr::Cast(Cast::new(Box::new(decimal), DataType::Float64));
            changed = true;
        }
    }
    changed
}

/// Casts all that is no text to one if one of the values is. Tells whether it did.
fn with_texts<'a>(values: impl Iterator<Item = &'a mut Expr>, schema: &DFSchema) -> bool {
    let values = values.filter_map(|value| {
        let data_type = value.get_type(schema).ok()?;
        (!data_type.is_null()).then_some((value, data_type))
    });
    let values: Vec<(&mut Expr, DataType)> = values.collect();
    let is_text = DataType::is_string;
    let is_plain = |data_type: &DataType| !data_type.is_nested();
    if !values.iter().any(|(_, data_type)| is_text(data_type))
        || !values.iter().all(|(_, data_type)| is_plain(data_type))
    {
        return false;
    }
    let mut changed = false;
    for (value, _) in values.into_iter().filter(|(_, found)| !is_text(found)) {
        let other = std::mem::take(value);
        *value = Expr::Cast(Cast::new(Box::new(other), DataType::Utf8));
        changed = true;
    }
    changed
}
