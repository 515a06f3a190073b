//! Arithmetic of intervals that DataFusion lacks: a number times an interval, and a date plus hours.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::{
    DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use sqlparser::ast::BinaryOperator;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// `n * INTERVAL '1 day'`, and `DATE .. + INTERVAL '3 hours'` as a timestamp, as in PostgreSQL:
/// DataFusion refuses the one and drops the hours of the other.
#[derive(Debug)]
pub(crate) struct IntervalOperators;

impl ExprPlanner for IntervalOperators {
    fn plan_binary_op(
        &self,
        mut expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        match expr.op {
            BinaryOperator::Multiply => {
                let (number, interval) = match (
                    is_interval(&expr.left, schema),
                    is_interval(&expr.right, schema),
                ) {
                    (false, true) => (expr.left, expr.right),
                    (true, false) => (expr.right, expr.left),
                    _ => return Ok(PlannerResult::Original(expr)),
                };
                let call = ScalarFunction::new_udf(multiply(), vec![interval, number]);
                Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
            }
            BinaryOperator::Plus | BinaryOperator::Minus if has_time(&expr.right) => {
                if expr.left.get_type(schema).ok() == Some(DataType::Date32) {
                    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
                    expr.left = Expr::Cast(Cast::new(Box::new(expr.left), moment));
                }
                Ok(PlannerResult::Original(expr))
            }
            _ => Ok(PlannerResult::Original(expr)),
        }
    }
}

/// Whether `expr` is an interval. Looks at what intervals are made of alone: to ask for the type of
/// any expression at each of a long chain of operators would take the square of its length.
fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Literal(value, _) => matches!(value, ScalarValue::IntervalMonthDayNano(_)),
        Expr::Negative(inner) => is_interval(inner, schema),
        Expr::Column(_) | Expr::Cast(_) => expr.get_type(schema).ok() == Some(INTERVAL),
        Expr::ScalarFunction(call) => call.func.name() == MULTIPLY,
        _ => false,
    }
}

/// A literal interval with hours, minutes or seconds.
fn has_time(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) if interval.nanoseconds != 0
    )
}

const MULTIPLY: &str = "mica_interval_multiply";

fn multiply() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Multiply {
        signature: Signature::exact(vec![INTERVAL, DataType::Float64], Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Multiply {
    signature: Signature,
}

impl ScalarUDFImpl for Multiply {
    fn name(&self) -> &str {
        MULTIPLY
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let intervals = arrays[0].as_primitive::<IntervalMonthDayNanoType>();
        let numbers = arrays[1].as_primitive::<Float64Type>();
        let products: IntervalMonthDayNanoArray = intervals
            .iter()
            .zip(numbers)
            .map(|(interval, number)| Some(times(interval?, number?)))
            .collect();
        let products: ArrayRef = Arc::new(products);
        Ok(match scalar && !products.is_empty() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&products, 0)?),
            false => ColumnarValue::Array(products),
        })
    }
}

/// Fractions of a month go to days, of 30 a month, and fractions of a day to its time, as in
/// PostgreSQL's `interval_mul`.
fn times(interval: IntervalMonthDayNano, number: f64) -> IntervalMonthDayNano {
    const DAYS_A_MONTH: f64 = 30.0;
    const NANOS_A_DAY: f64 = 86_400e9;
    let months = f64::from(interval.months) * number;
    let days = f64::from(interval.days) * number + months.fract() * DAYS_A_MONTH;
    let nanos = interval.nanoseconds as f64 * number + days.fract() * NANOS_A_DAY;
    IntervalMonthDayNano::new(
        months.trunc() as i32,
        days.trunc() as i32,
        nanos.round() as i64,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_go_down() {
        let interval = IntervalMonthDayNano::new(1, 1, 0);
        assert_eq!(
            times(interval, 1.5),
            IntervalMonthDayNano::new(1, 16, 12 * 3_600_000_000_000)
        );
        assert_eq!(times(interval, -2.0), IntervalMonthDayNano::new(-2, -2, 0));
    }
}
