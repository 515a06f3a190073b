//! What the clock on the wall shows at a moment, in the session's time zone.
//!
//! That is what SQL means by a cast of a `TIMESTAMP WITH TIME ZONE` to a `TIMESTAMP` or a `DATE`. Arrow's
//! cast gives what the clock shows in UTC.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{DFSchema, Result};
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// `expr`, which is cast to `to`, as the session's clock shows it, if that is another moment.
pub(crate) fn shown(expr: &mut Expr, to: &DataType, schema: &DFSchema) -> bool {
    let to_clock = matches!(to, DataType::Timestamp(_, None) | DataType::Date32);
    let zoned = |found: DataType| matches!(found, DataType::Timestamp(_, Some(_)));
    if !to_clock || !expr.get_type(schema).is_ok_and(zoned) {
        return false;
    }
    let moment = std::mem::take(expr);
    *expr = Expr::ScalarFunction(ScalarFunction::new_udf(function(), vec![moment]));
    true
}

fn function() -> Arc<ScalarUDF> {
    static FUNCTION: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
    let make = || {
        // It changes with the session's zone, but a plan is kept for one set of settings only.
        let signature = Signature::any(1, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(LocalTime { signature }))
    };
    Arc::clone(FUNCTION.get_or_init(make))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    signature: Signature,
}

const CLOCK: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &str {
        "mica_local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(CLOCK)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = args.config_options.execution.time_zone.as_deref();
        let zone = Tz::from_str(zone.unwrap_or("UTC"))?;
        let shown = move |moments: &[ArrayRef]| on_clock(&moments[0], zone);
        make_scalar_function(shown, Vec::new())(&args.args)
    }
}

fn on_clock(moments: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    // Drops the zone, and leaves the moment as UTC's clock shows it.
    let utc = cast(moments, &CLOCK)?;
    let shown = |micros: i64| {
        let moment = DateTime::from_timestamp_micros(micros)?.naive_utc();
        let shown = zone.from_utc_datetime(&moment).naive_local();
        Some(shown.and_utc().timestamp_micros())
    };
    let utc = utc.as_primitive::<TimestampMicrosecondType>();
    // A moment beyond the calendar is shown as it is.
    let shown: TimestampMicrosecondArray = utc.unary(|micros| shown(micros).unwrap_or(micros));
    Ok(Arc::new(shown))
}
