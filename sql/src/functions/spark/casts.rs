//! Casts as Spark does them, where Arrow's answer otherwise.
//!
//! They take the place of casts in an analysed plan, so that those are reached, too, that types ask
//! for: `'x' = 1` compares numbers, and `concat('a', 1.0)` texts. Source: Spark's `Cast`,
//! `UTF8String.toInt` and `SparkDateTimeUtils`.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, TypeSignature, binary_expr, lit,
};

use super::by_row::ByRow;
use super::reading::{self, whole};
use super::showing;
use crate::passes::{each_expression, recompute};

const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The functions, by the type that they cast to.
static FUNCTIONS: LazyLock<Vec<(DataType, Arc<ScalarUDF>)>> = LazyLock::new(|| {
    let by_row = |name, result: DataType, run| {
        let signature = TypeSignature::Any(1);
        let cast = ByRow {
            name,
            signature,
            result: result.clone(),
            run,
        };
        (result, cast.function())
    };
    vec![
        by_row("mica_cast_text", DataType::Utf8, showing::text),
        by_row("mica_cast_tinyint", DataType::Int8, whole::<Int8Type>),
        by_row("mica_cast_smallint", DataType::Int16, whole::<Int16Type>),
        by_row("mica_cast_int", DataType::Int32, whole::<Int32Type>),
        by_row("mica_cast_bigint", DataType::Int64, whole::<Int64Type>),
        by_row("mica_cast_date", DataType::Date32, reading::date),
        by_row("mica_cast_timestamp", MOMENT, reading::timestamp),
    ]
});

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let functions = FUNCTIONS.iter();
    functions
        .map(|(_, function)| Arc::clone(function))
        .collect()
}

/// Makes the casts of an analysed plan Spark's. If `lenient`, as Spark is but in ANSI mode, what
/// cannot be read is NULL, and a number that does not fit is cut.
///
/// # Errors
/// A cast that Spark does not have.
pub(crate) fn spark_casts(plan: LogicalPlan, lenient: bool) -> Result<LogicalPlan> {
    match has_casts(&plan)? {
        true => each_expression(
            plan,
            |expr, schema| as_spark(expr, schema, lenient),
            recompute,
        ),
        false => Ok(plan),
    }
}

fn has_casts(plan: &LogicalPlan) -> Result<bool> {
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

fn as_spark(expr: Expr, schema: &DFSchema, lenient: bool) -> Result<Transformed<Expr>> {
    let (Expr::Cast(Cast { expr: value, field }) | Expr::TryCast(TryCast { expr: value, field })) =
        &expr
    else {
        return Ok(Transformed::no(expr));
    };
    // A parameter whose type is not known yet has none.
    let Ok(from) = value.get_type(schema) else {
        return Ok(Transformed::no(expr));
    };
    let to = field.data_type();
    if from.is_integer() && *to == DataType::Date32 {
        return plan_err!(
            "a whole number cannot be cast to DATE: date_from_unix_date(n) counts days from 1970-01-01"
        );
    }
    if lenient && *to == DataType::Boolean && from.is_decimal() {
        let zero = lit(ScalarValue::new_zero(&from)?);
        let differs = binary_expr((**value).clone(), Operator::NotEq, zero);
        return Ok(Transformed::yes(differs));
    }
    if lenient && from.is_string() && to.is_floating() && matches!(expr, Expr::Cast(_)) {
        let cast = TryCast::new(value.clone(), to.clone());
        return Ok(Transformed::yes(Expr::TryCast(cast)));
    }
    let known = FUNCTIONS.iter().find(|(target, _)| target == to);
    match known.filter(|_| differs_from_arrow(&from, to, lenient)) {
        Some((_, function)) => {
            let args = vec![(**value).clone()];
            let call = ScalarFunction::new_udf(Arc::clone(function), args);
            Ok(Transformed::yes(Expr::ScalarFunction(call)))
        }
        None => Ok(Transformed::no(expr)),
    }
}

/// Whether Arrow casts otherwise than Spark.
fn differs_from_arrow(from: &DataType, to: &DataType, lenient: bool) -> bool {
    match to {
        DataType::Utf8 => from.is_floating() || matches!(from, DataType::Timestamp(..)),
        _ if !lenient => false,
        to if to.is_integer() => {
            let is_wider = from.is_signed_integer() && width(from) > width(to);
            from.is_string() || from.is_floating() || is_wider
        }
        _ => from.is_string(),
    }
}

fn width(data_type: &DataType) -> usize {
    data_type.primitive_width().unwrap_or(0)
}
