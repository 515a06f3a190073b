//! `date_bin`, which tells of a moment that it does not reach.
//!
//! DataFusion's counts in nanoseconds, from 1677 to 2262, and makes NULL of other moments.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampSecondType,
};
use datafusion::common::{Result, exec_err};
use datafusion::functions::datetime;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

pub(super) fn function() -> Arc<ScalarUDF> {
    let inner = datetime::date_bin();
    Arc::new(ScalarUDF::new_from_impl(DateBin { inner }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateBin {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for DateBin {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.get(1) {
            Some(ColumnarValue::Array(values)) => check(values)?,
            Some(ColumnarValue::Scalar(value)) => check(&value.to_array()?)?,
            None => {}
        }
        self.inner.invoke_with_args(args)
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(input)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

fn check(values: &ArrayRef) -> Result<()> {
    match values.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            check_all(values.as_primitive::<TimestampSecondType>(), 1_000_000_000)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            check_all(values.as_primitive::<TimestampMillisecondType>(), 1_000_000)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            check_all(values.as_primitive::<TimestampMicrosecondType>(), 1_000)
        }
        _ => Ok(()),
    }
}

fn check_all<T: ArrowTimestampType>(values: &PrimitiveArray<T>, nanoseconds: i64) -> Result<()> {
    let outside = |value: &i64| value.checked_mul(nanoseconds).is_none();
    let Some(value) = values.iter().flatten().find(outside) else {
        return Ok(());
    };
    match T::UNIT {
        TimeUnit::Microsecond => exec_err!(
            "date_bin takes moments of the years 1678 to 2261, not {}",
            chrono::DateTime::from_timestamp_micros(value).map_or_else(
                || value.to_string(),
                |moment| moment.naive_utc().to_string()
            )
        ),
        _ => exec_err!("date_bin takes moments of the years 1678 to 2261"),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::TimestampMicrosecondArray;

    use super::*;

    #[test]
    fn nulls_and_near_moments_pass() {
        // 9999-12-31
        let far = 253_402_214_400_000_000;
        let pass: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None]));
        let fail: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(far)]));
        assert!(check(&pass).is_ok());
        let error = check(&fail).unwrap_err().to_string();
        assert!(error.contains("9999-12-31 00:00:00"), "{error}");
    }
}
