//! Casts as Spark does them, where Arrow's answer otherwise.
//!
//! They take the place of casts in an analysed plan, so that those are reached, too, that types ask
//! for: `'x' = 1` compares numbers, and `concat('a', 1.0)` texts. Source: Spark's `Cast`,
//! `UTF8String.toInt` and `SparkDateTimeUtils`.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, ScalarUDF, TypeSignature, binary_expr, lit,
};
use datafusion::logical_expr::{Operator, expr::Cast, expr::TryCast};

use super::by_row::ByRow;
use super::{reading, showing};
use crate::passes::{each_expression, recompute};

/// Targets of casts, and the functions for them.
struct Functions {
    text: Arc<ScalarUDF>,
    tinyint: Arc<ScalarUDF>,
    smallint: Arc<ScalarUDF>,
    int: Arc<ScalarUDF>,
    bigint: Arc<ScalarUDF>,
    date: Arc<ScalarUDF>,
    timestamp: Arc<ScalarUDF>,
}

fn functions() -> &'static Functions {
    use datafusion::arrow::datatypes::{Int8Type, Int16Type, Int32Type, Int64Type};
    static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
    let function = |name, result, run| {
        let signature = TypeSignature::Any(1);
        ByRow {
            name,
            signature,
            result,
            run,
        }
        .function()
    };
    FUNCTIONS.get_or_init(|| Functions {
        text: function("mica_cast_text", DataType::Utf8, showing::text),
        tinyint: function(
            "mica_cast_tinyint",
            DataType::Int8,
            reading::whole::<Int8Type>,
        ),
        smallint: function(
            "mica_cast_smallint",
            DataType::Int16,
            reading::whole::<Int16Type>,
        ),
        int: function(
            "mica_cast_int",
            DataType::Int32,
            reading::whole::<Int32Type>,
        ),
        bigint: function(
            "mica_cast_bigint",
            DataType::Int64,
            reading::whole::<Int64Type>,
        ),
        date: function("mica_cast_date", DataType::Date32, reading::date),
        timestamp: function(
            "mica_cast_timestamp",
            DataType::Timestamp(TimeUnit::Microsecond, None),
            reading::timestamp,
        ),
    })
}

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let all = functions();
    [
        &all.text,
        &all.tinyint,
        &all.smallint,
        &all.int,
        &all.bigint,
        &all.date,
        &all.timestamp,
    ]
    .map(Arc::clone)
    .to_vec()
}

/// Makes the casts of an analysed plan Spark's. If `lenient`, as Spark is but in ANSI mode, what
/// cannot be read is NULL, and a number that does not fit is cut.
///
/// # Errors
/// What DataFusion says of a plan that it cannot walk; none that it analysed.
pub(crate) fn spark_casts(plan: LogicalPlan, lenient: bool) -> Result<LogicalPlan> {
    match has_casts(&plan)? {
        true => each_expression(
            plan,
            |expr, schema| Ok(as_spark(expr, schema, lenient)),
            recompute,
        ),
        false => Ok(plan),
    }
}

fn has_casts(plan: &LogicalPlan) -> Result<bool> {
    use datafusion::common::tree_node::TreeNode;
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                found |= matches!(expr, Expr::Cast(_) | Expr::TryCast(_));
                Ok(match found {
                    true => TreeNodeRecursion::Stop,
                    false => TreeNodeRecursion::Continue,
                })
            })
        })
    })?;
    Ok(found)
}

fn as_spark(expr: Expr, schema: &DFSchema, lenient: bool) -> Transformed<Expr> {
    let (Expr::Cast(Cast { expr: value, field }) | Expr::TryCast(TryCast { expr: value, field })) =
        &expr
    else {
        return Transformed::no(expr);
    };
    let Ok(from) = value.get_type(schema) else {
        return Transformed::no(expr);
    };
    let to = field.data_type();
    if lenient
        && *to == DataType::Boolean
        && from.is_decimal()
        && let Ok(zero) = ScalarValue::new_zero(&from)
    {
        return Transformed::yes(binary_expr((**value).clone(), Operator::NotEq, lit(zero)));
    }
    if lenient && is_text(&from) && to.is_floating() && matches!(expr, Expr::Cast(_)) {
        let cast = TryCast::new(value.clone(), to.clone());
        return Transformed::yes(Expr::TryCast(cast));
    }
    match function_for(&from, to, lenient) {
        Some(function) => {
            let args = vec![(**value).clone()];
            let call = ScalarFunction::new_udf(Arc::clone(function), args);
            Transformed::yes(Expr::ScalarFunction(call))
        }
        None => Transformed::no(expr),
    }
}

/// The function that casts so; none where Arrow's cast does.
fn function_for(from: &DataType, to: &DataType, lenient: bool) -> Option<&'static Arc<ScalarUDF>> {
    let all = functions();
    let is_shown = from.is_floating() || matches!(from, DataType::Timestamp(..));
    if *to == DataType::Utf8 && is_shown {
        return Some(&all.text);
    }
    if !lenient {
        return None;
    }
    let is_text = is_text(from);
    let is_cut = from.is_floating() || from.is_signed_integer() && width(from) > width(to);
    match to {
        DataType::Int8 if is_text || is_cut => Some(&all.tinyint),
        DataType::Int16 if is_text || is_cut => Some(&all.smallint),
        DataType::Int32 if is_text || is_cut => Some(&all.int),
        DataType::Int64 if is_text || is_cut => Some(&all.bigint),
        DataType::Date32 if is_text => Some(&all.date),
        DataType::Timestamp(TimeUnit::Microsecond, None) if is_text => Some(&all.timestamp),
        _ => None,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn width(data_type: &DataType) -> usize {
    data_type.primitive_width().unwrap_or(0)
}
