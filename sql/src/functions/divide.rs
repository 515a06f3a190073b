//! Spark's division.
//!
//! Decimals keep at least six digits behind the point and round half up; all else is a double.
//! Dividing by zero gives NULL, or an error where ANSI mode is on. Source: `Divide` and
//! `DecimalPrecision` of Apache Spark 3.5.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array,
};
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type, i256,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Internal name of `/`.
pub(crate) const DIVIDE: &str = "mica_spark_divide";
/// Internal name of `DIV`.
pub(crate) const DIV: &str = "mica_spark_div";

pub(crate) fn spark_divide() -> Arc<ScalarUDF> {
    static FUNCTION: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
    let make = || Arc::new(ScalarUDF::new_from_impl(Divide::new(DIVIDE)));
    Arc::clone(FUNCTION.get_or_init(make))
}

pub(crate) fn spark_div() -> Arc<ScalarUDF> {
    static FUNCTION: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
    let make = || Arc::new(ScalarUDF::new_from_impl(Divide::new(DIV)));
    Arc::clone(FUNCTION.get_or_init(make))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Divide {
    name: &'static str,
    signature: Signature,
}

impl Divide {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    fn symbol(&self) -> &'static str {
        if self.name == DIVIDE { "/" } else { "div" }
    }
}

/// The decimal that an exact number is taken for; none for floats and text.
fn as_decimal(data_type: &DataType) -> Option<(u8, i8)> {
    match data_type {
        DataType::Decimal128(precision, scale) => Some((*precision, *scale)),
        DataType::Int8 | DataType::UInt8 => Some((3, 0)),
        DataType::Int16 | DataType::UInt16 => Some((5, 0)),
        DataType::Int32 => Some((10, 0)),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Some((20, 0)),
        _ => None,
    }
}

/// Spark's precision and scale of a quotient, shortened as it does when more than 38 digits are
/// needed: the integral part keeps its digits, the fraction at least six.
fn quotient_type((p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> (u8, i8) {
    const FRACTION_MIN: i32 = 6;
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let scale = FRACTION_MIN.max(s1 + p2 + 1);
    let precision = p1 - s1 + s2 + scale;
    let max = i32::from(DECIMAL128_MAX_PRECISION);
    if precision <= max {
        return (precision as u8, scale as i8);
    }
    let integral = precision - scale;
    let scale = (max - integral).max(scale.min(FRACTION_MIN));
    (max as u8, scale as i8)
}

fn is_float(data_type: &DataType) -> bool {
    data_type.is_floating()
        || matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
        )
}

impl ScalarUDFImpl for Divide {
    fn name(&self) -> &str {
        self.name
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!("({left} {} {right})", self.symbol())),
            _ => Ok(self.name.to_owned()),
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!(
                "({} {} {})",
                left.schema_name(),
                self.symbol(),
                right.schema_name()
            )),
            _ => Ok(self.name.to_owned()),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = types else {
            return plan_err!("'{}' takes two operands", self.symbol());
        };
        for operand in types {
            if !is_float(operand) && as_decimal(operand).is_none() {
                let name = crate::types::spark_name(operand);
                return plan_err!("'{}' does not divide a value of type {name}", self.symbol());
            }
        }
        if self.name == DIV {
            return Ok(vec![DataType::Int64; 2]);
        }
        let decimal = |t: &DataType| matches!(t, DataType::Decimal128(..));
        match (as_decimal(left), as_decimal(right)) {
            (Some((p1, s1)), Some((p2, s2))) if decimal(left) || decimal(right) => Ok(vec![
                DataType::Decimal128(p1, s1),
                DataType::Decimal128(p2, s2),
            ]),
            _ => Ok(vec![DataType::Float64; 2]),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        // Before coercion, too: a projection asks for the type of what was just planned.
        Ok(match self.coerce_types(types)?.as_slice() {
            [DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)] => {
                let (precision, scale) = quotient_type((*p1, *s1), (*p2, *s2));
                DataType::Decimal128(precision, scale)
            }
            [DataType::Int64, _] => DataType::Int64,
            _ => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let strict = args.config_options.execution.enable_ansi_mode;
        let scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let quotient = match arrays[0].data_type() {
            DataType::Float64 => divide_doubles(&arrays[0], &arrays[1], strict)?,
            DataType::Int64 => divide_integers(&arrays[0], &arrays[1], strict)?,
            _ => divide_decimals(
                &arrays[0],
                &arrays[1],
                args.return_field.data_type(),
                strict,
            )?,
        };
        if scalar {
            let value = datafusion::common::ScalarValue::try_from_array(&quotient, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(quotient))
    }
}

fn by_zero<T>() -> Result<T> {
    exec_err!("division by zero; use nullif(x, 0), or SET ansi_mode = false to get NULL")
}

fn divide_doubles(left: &ArrayRef, right: &ArrayRef, strict: bool) -> Result<ArrayRef> {
    let (left, right) = (
        left.as_primitive::<Float64Type>(),
        right.as_primitive::<Float64Type>(),
    );
    let divide = |(a, b): (Option<f64>, Option<f64>)| match (a, b) {
        (Some(_), Some(0.0)) if strict => by_zero(),
        (Some(_), Some(0.0)) => Ok(None),
        (Some(a), Some(b)) => Ok(Some(a / b)),
        _ => Ok(None),
    };
    let values: Result<Float64Array> = left.iter().zip(right).map(divide).collect();
    Ok(Arc::new(values?))
}

fn divide_integers(left: &ArrayRef, right: &ArrayRef, strict: bool) -> Result<ArrayRef> {
    let (left, right) = (
        left.as_primitive::<Int64Type>(),
        right.as_primitive::<Int64Type>(),
    );
    let divide = |(a, b): (Option<i64>, Option<i64>)| match (a, b) {
        (Some(_), Some(0)) if strict => by_zero(),
        (Some(_), Some(0)) => Ok(None),
        (Some(a), Some(b)) => Ok(Some(a.wrapping_div(b))),
        _ => Ok(None),
    };
    let values: Result<Int64Array> = left.iter().zip(right).map(divide).collect();
    Ok(Arc::new(values?))
}

fn divide_decimals(
    left: &ArrayRef,
    right: &ArrayRef,
    to: &DataType,
    strict: bool,
) -> Result<ArrayRef> {
    let (left, right) = (
        left.as_primitive::<Decimal128Type>(),
        right.as_primitive::<Decimal128Type>(),
    );
    let DataType::Decimal128(precision, scale) = *to else {
        return exec_err!("a quotient of decimals must be a decimal");
    };
    // left / right = (l / 10^s1) / (r / 10^s2); times 10^scale as an integer.
    let shift = i32::from(scale) - i32::from(left.scale()) + i32::from(right.scale());
    let Some(factor) = i256::from_i128(10).checked_pow(shift.unsigned_abs()) else {
        return exec_err!("the scales of the operands are too far apart");
    };
    let limit = i256::from_i128(10_i128.pow(u32::from(precision)));
    let divide = |(a, b): (Option<i128>, Option<i128>)| -> Result<Option<i128>> {
        let (Some(a), Some(b)) = (a, b) else {
            return Ok(None);
        };
        if b == 0 {
            return if strict { by_zero() } else { Ok(None) };
        }
        let (a, b) = (i256::from_i128(a), i256::from_i128(b));
        let parts = match shift >= 0 {
            true => a.checked_mul(factor).map(|a| (a, b)),
            false => b.checked_mul(factor).map(|b| (a, b)),
        };
        let quotient = parts.and_then(|(a, b)| half_up(a, b));
        let fits = quotient
            .filter(|q| q.wrapping_abs() < limit)
            .and_then(|q| q.to_i128());
        match fits {
            None if strict => exec_err!("a quotient does not fit into {to}"),
            fits => Ok(fits),
        }
    };
    let values: Result<Decimal128Array> = left.iter().zip(right).map(divide).collect();
    Ok(Arc::new(
        values?.with_precision_and_scale(precision, scale)?,
    ))
}

/// `a / b`, ties away from zero.
fn half_up(a: i256, b: i256) -> Option<i256> {
    let quotient = a.checked_div(b)?;
    let rest = a.checked_rem(b)?.wrapping_abs();
    let twice = rest.checked_mul(i256::from_i128(2))?;
    if twice < b.wrapping_abs() {
        return Some(quotient);
    }
    let negative = (a < i256::ZERO) != (b < i256::ZERO);
    let one = i256::from_i128(if negative { -1 } else { 1 });
    quotient.checked_add(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: (i128, u8, i8), right: (i128, u8, i8), expected: Option<&str>) {
        let array = |(value, precision, scale)| -> ArrayRef {
            let array = Decimal128Array::from(vec![value]);
            Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
        };
        let (precision, scale) = quotient_type((left.1, left.2), (right.1, right.2));
        let to = DataType::Decimal128(precision, scale);
        let quotient = divide_decimals(&array(left), &array(right), &to, false).unwrap();
        let quotient = quotient.as_primitive::<Decimal128Type>();
        let text = quotient.is_valid(0).then(|| quotient.value_as_string(0));
        assert_eq!(text.as_deref(), expected);
    }

    #[test]
    fn quotients_have_sparks_scale_and_round_half_up() {
        check((14818, 10, 0), (36525, 5, 2), Some("40.569473"));
        check((8, 10, 0), (30, 2, 1), Some("2.666667"));
        check((-8, 10, 0), (30, 2, 1), Some("-2.666667"));
        check((1, 10, 0), (0, 2, 1), None);
    }

    #[test]
    fn the_type_of_a_quotient_is_sparks() {
        assert_eq!(quotient_type((10, 0), (5, 2)), (18, 6));
        assert_eq!(quotient_type((10, 0), (2, 1)), (17, 6));
        assert_eq!(quotient_type((38, 10), (38, 10)), (38, 6));
    }
}
