//! `date_trunc` for every moment that a timestamp holds.
//!
//! DataFusion's counts in nanoseconds, which reach from 1677 to 2262: one 9999-12-31, the usual open
//! end of a validity range, fails the whole query. This one counts in the unit of its argument, and a
//! date or a text becomes a timestamp in microseconds. What is no timestamp is left to DataFusion's.

mod spark;
mod unit;

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::types::{NativeType, logical_date, logical_string};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, internal_err};
use datafusion::functions::datetime;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, TypeSignatureClass, Volatility,
};

use crate::units::Unit;
pub(super) use spark::all as spark;

pub(super) fn ansi() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(DateTrunc {
        inner: datetime::date_trunc(),
        signature: signature(),
    }))
}

/// DataFusion's signature, but that dates and texts become microseconds.
fn signature() -> Signature {
    let unit = || Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
    let moment = Coercion::new_implicit(
        TypeSignatureClass::Timestamp,
        vec![
            TypeSignatureClass::Native(logical_string()),
            TypeSignatureClass::Native(logical_date()),
        ],
        NativeType::Timestamp(TimeUnit::Microsecond, None),
    );
    let time = Coercion::new_exact(TypeSignatureClass::Time);
    Signature::one_of(
        vec![
            TypeSignature::Coercible(vec![unit(), moment]),
            TypeSignature::Coercible(vec![unit(), time]),
        ],
        Volatility::Immutable,
    )
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of date_trunc is that of its field")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields[1].data_type() {
            DataType::Null => {
                let data_type = DataType::Timestamp(TimeUnit::Microsecond, None);
                Ok(Arc::new(Field::new(self.name(), data_type, true)))
            }
            _ => self.inner.return_field_from_args(args),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // Units that there are not, and units in a column, are refused in DataFusion's words.
        let Some(unit) = Unit::of(&args.args[0]) else {
            return self.inner.invoke_with_args(args);
        };
        match &args.args[1] {
            value if value.data_type().is_null() => Ok(ColumnarValue::Scalar(
                ScalarValue::try_from(args.return_field.data_type())?,
            )),
            value if !matches!(value.data_type(), DataType::Timestamp(..)) => {
                self.inner.invoke_with_args(args)
            }
            _ => {
                let truncate = move |values: &[ArrayRef]| truncate(&values[0], unit);
                make_scalar_function(truncate, Vec::new())(&args.args[1..])
            }
        }
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(input)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

fn truncate(values: &ArrayRef, unit: Unit) -> Result<ArrayRef> {
    let DataType::Timestamp(scale, zone) = values.data_type() else {
        return internal_err!("date_trunc of {}", values.data_type());
    };
    let zone = zone.as_deref();
    Ok(match scale {
        TimeUnit::Second => Arc::new(truncate_all::<TimestampSecondType>(values, zone, unit)?),
        TimeUnit::Millisecond => Arc::new(truncate_all::<TimestampMillisecondType>(
            values, zone, unit,
        )?),
        TimeUnit::Microsecond => Arc::new(truncate_all::<TimestampMicrosecondType>(
            values, zone, unit,
        )?),
        TimeUnit::Nanosecond => {
            Arc::new(truncate_all::<TimestampNanosecondType>(values, zone, unit)?)
        }
    })
}

fn truncate_all<T: ArrowTimestampType>(
    values: &ArrayRef,
    zone: Option<&str>,
    unit: Unit,
) -> Result<PrimitiveArray<T>> {
    let parsed: Option<Tz> = zone.map(str::parse).transpose()?;
    let outside = |value| exec_datafusion_err!("Timestamp {value} out of range");
    let truncated: PrimitiveArray<T> = values.as_primitive::<T>().try_unary(|value| {
        let truncated = match parsed {
            Some(zone) => unit.truncate_in::<T>(value, zone),
            None => unit.truncate::<T>(value),
        };
        truncated.ok_or_else(|| outside(value))
    })?;
    Ok(truncated.with_timezone_opt(zone))
}
