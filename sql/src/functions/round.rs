//! Spark's `round`: half up, and a decimal that loses the digits it was rounded to.
//!
//! Source: `RoundBase` of Apache Spark 3.5. A double is rounded in the digits that it prints, so
//! that `round(1.005, 2)` is 1.01.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

pub(super) fn spark_round() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Round {
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Round {
    signature: Signature,
}

/// The number of digits that an argument asks for, no farther from the point than any number has
/// digits.
fn digits(value: Option<&ScalarValue>) -> Option<i32> {
    const DIGITS_MAX: i32 = 400;
    let value = value?.cast_to(&DataType::Int32).ok()?;
    match value {
        ScalarValue::Int32(digits) => Some(digits?.clamp(-DIGITS_MAX, DIGITS_MAX)),
        _ => None,
    }
}

fn decimal_type(precision: u8, scale: i8, digits: i32) -> DataType {
    // Rounding may carry into one more digit before the point.
    let integral = i32::from(precision) - i32::from(scale) + 1;
    if digits < 0 {
        let precision = integral.max(1 - digits).min(38);
        return DataType::Decimal128(precision as u8, 0);
    }
    let scale = i32::from(scale).min(digits);
    DataType::Decimal128((integral + scale).min(38) as u8, scale as i8)
}

impl ScalarUDFImpl for Round {
    fn name(&self) -> &str {
        "mica_spark_round"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        self.schema_name(args)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<String> = args
            .iter()
            .map(|arg| arg.schema_name().to_string())
            .collect();
        Ok(format!("round({})", args.join(", ")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let value = match types.first() {
            Some(exact @ DataType::Decimal128(..)) => exact.clone(),
            Some(integer) if integer.is_integer() => integer.clone(),
            Some(_) => DataType::Float64,
            None => return plan_err!("round takes one or two arguments"),
        };
        match types.len() {
            1 => Ok(vec![value]),
            2 => Ok(vec![value, DataType::Int32]),
            _ => plan_err!("round takes one or two arguments"),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        plan_err!("the type of round depends on its second argument")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let digits = match args.scalar_arguments.get(1) {
            None => Some(0),
            Some(value) => digits(*value),
        };
        let data_type = match (args.arg_fields[0].data_type(), digits) {
            (DataType::Decimal128(precision, scale), Some(digits)) => {
                decimal_type(*precision, *scale, digits)
            }
            (other, _) if other.is_integer() || matches!(other, DataType::Decimal128(..)) => {
                other.clone()
            }
            _ => DataType::Float64,
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let digits = match args.args.get(1) {
            None => Some(0),
            Some(ColumnarValue::Scalar(value)) => digits(Some(value)),
            Some(ColumnarValue::Array(_)) => {
                return exec_err!("the second argument of round must be a literal");
            }
        };
        let to = args.return_field.data_type();
        let Some(digits) = digits else {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(to)?));
        };
        match &args.args[0] {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(round(values, digits, to)?)),
            ColumnarValue::Scalar(value) => {
                let rounded = round(&value.to_array()?, digits, to)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                    &rounded, 0,
                )?))
            }
        }
    }
}

fn round(values: &ArrayRef, digits: i32, to: &DataType) -> Result<ArrayRef> {
    match (values.data_type(), to) {
        (DataType::Decimal128(..), DataType::Decimal128(precision, scale)) => {
            let rounded = round_decimals(values.as_primitive(), digits, *precision, *scale);
            Ok(Arc::new(
                rounded.with_precision_and_scale(*precision, *scale)?,
            ))
        }
        (integer, _) if integer.is_integer() && digits >= 0 => Ok(Arc::clone(values)),
        (integer, _) if integer.is_integer() => {
            let wide = cast(values, &DataType::Int64)?;
            let rounded = round_integers(wide.as_primitive(), digits.unsigned_abs());
            Ok(cast(&rounded, to)?)
        }
        _ => {
            let values = values.as_primitive::<Float64Type>().iter();
            let rounded = values.map(|value| value.map(|value| round_double(value, digits)));
            Ok(Arc::new(rounded.collect::<Float64Array>()))
        }
    }
}

/// In the scale that is given; NULL, as in Spark, where rounding up needs one digit too many.
fn round_decimals(
    values: &Decimal128Array,
    digits: i32,
    precision: u8,
    scale: i8,
) -> Decimal128Array {
    let from = i32::from(values.scale());
    let drop = (from - digits).max(0);
    // What was rounded away before the point comes back as zeros.
    let restore = (from - i32::from(scale) - drop).unsigned_abs();
    let limit = 10_i128.pow(u32::from(precision));
    let round = |value: i128| match half_up(value, drop.unsigned_abs()) {
        0 => Some(0),
        rounded => {
            let rounded = rounded.checked_mul(10_i128.checked_pow(restore)?)?;
            (rounded.abs() < limit).then_some(rounded)
        }
    };
    values.iter().map(|value| value.and_then(round)).collect()
}

/// To a multiple of ten to the power of `drop`.
fn round_integers(values: &Int64Array, drop: u32) -> Int64Array {
    let factor = 10_i128.checked_pow(drop);
    let round = |value: i64| {
        factor.map_or(0, |factor| {
            (half_up(i128::from(value), drop) * factor) as i64
        })
    };
    values.iter().map(|value| value.map(round)).collect()
}

/// `value / 10^drop`, ties away from zero.
fn half_up(value: i128, drop: u32) -> i128 {
    let Some(factor) = 10_i128.checked_pow(drop) else {
        return 0;
    };
    let (quotient, rest) = (value / factor, value % factor);
    match rest.unsigned_abs() * 2 >= factor.unsigned_abs() && factor > 1 {
        true => quotient + value.signum(),
        false => quotient,
    }
}

/// Rounds the shortest digits that read back as `value`.
fn round_double(value: f64, digits: i32) -> f64 {
    // 17 significant digits are all that a double has.
    if !value.is_finite() || value == 0.0 || digits > 340 {
        return value;
    }
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return value;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let fraction = mantissa
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len() as i32);
    let number: i128 = mantissa.replace('.', "").parse().unwrap_or(0);
    // value = number * 10^(exponent - fraction)
    let drop = fraction - exponent - digits;
    if drop <= 0 {
        return value;
    }
    let rounded = half_up(number, drop as u32);
    format!("{rounded}e{}", -digits).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array;
    use datafusion::arrow::datatypes::Decimal128Type;

    use super::*;

    #[test]
    fn doubles_round_in_the_digits_that_they_print() {
        for (value, digits, expected) in [
            (1.005, 2, 1.01),
            (0.285, 2, 0.29),
            (-1.005, 2, -1.01),
            (2.5, 0, 3.0),
            (1234.5, -2, 1200.0),
            (1e300, 2, 1e300),
            (0.001, 2, 0.0),
        ] {
            assert_eq!(round_double(value, digits), expected, "{value} to {digits}");
        }
    }

    #[test]
    fn a_decimal_keeps_the_digits_that_it_was_rounded_to() {
        assert_eq!(decimal_type(14, 6, 2), DataType::Decimal128(11, 2));
        assert_eq!(decimal_type(2, 1, 0), DataType::Decimal128(2, 0));
        assert_eq!(decimal_type(10, 2, -3), DataType::Decimal128(9, 0));
        let array: ArrayRef = Arc::new(
            Decimal128Array::from(vec![2_666_667, -1_005_000])
                .with_precision_and_scale(17, 6)
                .unwrap(),
        );
        let rounded = round(&array, 2, &decimal_type(17, 6, 2)).unwrap();
        let rounded = rounded.as_primitive::<Decimal128Type>();
        assert_eq!(rounded.value_as_string(0), "2.67");
        assert_eq!(rounded.value_as_string(1), "-1.01");
    }

    #[test]
    fn rounding_to_more_digits_than_there_are_gives_zero() {
        let asked = digits(Some(&ScalarValue::Int32(Some(i32::MIN)))).unwrap();
        let decimals = Decimal128Array::from(vec![12_345])
            .with_precision_and_scale(10, 2)
            .unwrap();
        let array: ArrayRef = Arc::new(decimals);
        for digits in [-40, -50, asked] {
            let rounded = round(&array, digits, &decimal_type(10, 2, digits)).unwrap();
            let rounded = rounded.as_primitive::<Decimal128Type>();
            assert_eq!((rounded.is_valid(0), rounded.value(0)), (true, 0));
            assert_eq!(round_double(123.45, digits), 0.0);
        }
    }

    #[test]
    fn a_decimal_that_outgrows_its_type_is_null() {
        let most = Decimal128Array::from(vec![10_i128.pow(38) - 1])
            .with_precision_and_scale(38, 0)
            .unwrap();
        let array: ArrayRef = Arc::new(most);
        let rounded = round(&array, -1, &decimal_type(38, 0, -1)).unwrap();
        assert!(rounded.is_null(0));
    }
}
