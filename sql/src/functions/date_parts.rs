//! `year(x)`, `month(x)`, `dayofweek(x)` and their kin, as INT.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use datafusion::arrow::compute::{CastOptions, DatePart, cast_with_options, date_part};
use datafusion::arrow::datatypes::{DataType, Int32Type, TimeUnit};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Name, part, and what is added to the part: days of the week count from Sunday = 1.
const PARTS: [(&str, DatePart, i32); 12] = [
    ("year", DatePart::Year, 0),
    ("quarter", DatePart::Quarter, 0),
    ("month", DatePart::Month, 0),
    ("week", DatePart::Week, 0),
    ("weekofyear", DatePart::Week, 0),
    ("day", DatePart::Day, 0),
    ("dayofmonth", DatePart::Day, 0),
    ("dayofweek", DatePart::DayOfWeekSunday0, 1),
    ("dayofyear", DatePart::DayOfYear, 0),
    ("hour", DatePart::Hour, 0),
    ("minute", DatePart::Minute, 0),
    ("second", DatePart::Second, 0),
];

/// Text that is no date is an error.
pub(super) fn ansi() -> Vec<Arc<ScalarUDF>> {
    PARTS
        .iter()
        .map(|(name, part, add)| function(name, (*name).to_owned(), *part, *add, false))
        .collect()
}

/// Text that is no date gives NULL, but in ANSI mode.
pub(super) fn spark() -> Vec<(&'static str, Arc<ScalarUDF>)> {
    PARTS
        .iter()
        .map(|(name, part, add)| {
            let internal = format!("{}spark_{name}", super::INTERNAL_PREFIX);
            (*name, function(name, internal, *part, *add, true))
        })
        .collect()
}

fn function(
    called: &'static str,
    name: String,
    part: DatePart,
    add: i32,
    lenient: bool,
) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Part {
        called,
        name,
        part: format!("{part:?}"),
        add,
        lenient,
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Part {
    called: &'static str,
    name: String,
    /// The part's name: arrow's enum has no hash.
    part: String,
    add: i32,
    lenient: bool,
    signature: Signature,
}

impl Part {
    fn part(&self) -> DatePart {
        let found = PARTS.iter().find(|(name, ..)| *name == self.called);
        found.map_or(DatePart::Year, |(_, part, _)| *part)
    }

    fn extract(&self, values: &ArrayRef, safe: bool) -> Result<ArrayRef> {
        let options = CastOptions {
            safe,
            ..CastOptions::default()
        };
        let moments = match values.data_type() {
            DataType::Utf8 => {
                let to = DataType::Timestamp(TimeUnit::Microsecond, None);
                &cast_with_options(values, &to, &options)?
            }
            _ => values,
        };
        let parts = date_part(moments, self.part())?;
        if self.add == 0 {
            return Ok(parts);
        }
        let parts = parts.as_primitive::<Int32Type>();
        let parts: Int32Array = parts.unary(|part| part + self.add);
        Ok(Arc::new(parts))
    }
}

impl ScalarUDFImpl for Part {
    fn name(&self) -> &str {
        &self.name
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        self.schema_name(args)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<String> = args
            .iter()
            .map(|arg| arg.schema_name().to_string())
            .collect();
        Ok(format!("{}({})", self.called, args.join(", ")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View] => Ok(vec![DataType::Utf8]),
            [DataType::Null] => Ok(vec![DataType::Date32]),
            [DataType::Time32(_) | DataType::Time64(_)]
                if !matches!(self.called, "hour" | "minute" | "second") =>
            {
                plan_err!("{} of a time is not defined", self.called)
            }
            [moment] if moment.is_temporal() => Ok(vec![moment.clone()]),
            [other] => plan_err!(
                "{} takes a date, a timestamp or text, not {}",
                self.called,
                crate::types::sql_name(other)
            ),
            _ => plan_err!("{} takes one argument", self.called),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let safe = self.lenient && !args.config_options.execution.enable_ansi_mode;
        match &args.args[0] {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(self.extract(values, safe)?)),
            ColumnarValue::Scalar(value) => {
                let parts = self.extract(&value.to_array()?, safe)?;
                debug_assert_eq!(parts.len(), 1);
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                    &parts, 0,
                )?))
            }
        }
    }
}
