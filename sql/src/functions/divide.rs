//! Spark's division.
//!
//! Decimals keep at least six digits behind the point and round half up; all else is a double. `DIV`
//! drops the digits behind the point and gives a BIGINT.
//! Dividing by zero gives NULL, or an error where ANSI mode is on. Source: `Divide` and
//! `DecimalPrecision` of Apache Spark 3.5.

mod decimals;

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
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
        let decimal = |t: &DataType| matches!(t, DataType::Decimal128(..));
        match (as_decimal(left), as_decimal(right)) {
            (Some((p1, s1)), Some((p2, s2))) if decimal(left) || decimal(right) => Ok(vec![
                DataType::Decimal128(p1, s1),
                DataType::Decimal128(p2, s2),
            ]),
            _ if self.name == DIV => Ok(vec![DataType::Int64; 2]),
            _ => Ok(vec![DataType::Float64; 2]),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        // Before coercion, too: a projection asks for the type of what was just planned.
        Ok(match self.coerce_types(types)?.as_slice() {
            _ if self.name == DIV => DataType::Int64,
            [DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)] => {
                let (precision, scale) = decimals::quotient_type((*p1, *s1), (*p2, *s2));
                DataType::Decimal128(precision, scale)
            }
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
        let (left, right) = (&arrays[0], &arrays[1]);
        let quotient = match (left.data_type(), args.return_field.data_type()) {
            (DataType::Float64, _) => divide_doubles(left, right, strict)?,
            (DataType::Int64, _) => divide_integers(left, right, strict)?,
            (_, DataType::Decimal128(precision, scale)) => {
                decimals::divide(left, right, *precision, *scale, strict)?
            }
            _ => decimals::divide_whole(left, right, strict)?,
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
        (Some(i64::MIN), Some(-1)) if strict => exec_err!("a quotient does not fit into BIGINT"),
        (Some(a), Some(b)) => Ok(Some(a.wrapping_div(b))),
        _ => Ok(None),
    };
    let values: Result<Int64Array> = left.iter().zip(right).map(divide).collect();
    Ok(Arc::new(values?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_quotient_that_does_not_fit_is_an_error_in_ansi_mode() {
        let array = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let (least, minus) = (array(i64::MIN), array(-1));
        let wrapped = divide_integers(&least, &minus, false).unwrap();
        assert_eq!(wrapped.as_primitive::<Int64Type>().value(0), i64::MIN);
        let error = divide_integers(&least, &minus, true).unwrap_err();
        assert!(error.to_string().contains("does not fit"), "{error}");
    }
}
