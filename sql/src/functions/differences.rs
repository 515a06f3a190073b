//! How many units lie between two moments: `timestampdiff` and `date_diff`.
//!
//! `timestampdiff` counts units that have passed whole, as MySQL and Spark do; `date_diff` counts
//! the borders between units, as DuckDB, SQL Server, Snowflake and Redshift do. Both are called with
//! the unit as a text: see [`crate::synonyms`].

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDateTime};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::units::Unit;

/// Both functions, under their internal names.
pub(super) fn all() -> [Arc<ScalarUDF>; 2] {
    [(WHOLE, true), (BORDERS, false)].map(|(name, whole)| {
        Arc::new(ScalarUDF::new_from_impl(Difference {
            name,
            whole,
            signature: Signature::user_defined(Volatility::Immutable),
        }))
    })
}

/// Internal name of `timestampdiff`.
pub(crate) const WHOLE: &str = "mica_timestampdiff";
/// Internal name of `date_diff`.
pub(crate) const BORDERS: &str = "mica_date_diff";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Difference {
    name: &'static str,
    whole: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Difference {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8, _, _] => {
                let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
                Ok(vec![DataType::Utf8, moment.clone(), moment])
            }
            _ => plan_err!("a difference of moments takes a unit and two moments"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let unit = match &args.args[0] {
            ColumnarValue::Scalar(ScalarValue::Utf8(Some(unit))) => unit.as_str(),
            _ => "",
        };
        let Some(unit) = Unit::parse(unit) else {
            return plan_err!("'{unit}' is not a unit of time: expected one such as DAY or MONTH");
        };
        let scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args[1..])?;
        let from = arrays[0].as_primitive::<TimestampMicrosecondType>();
        let to = arrays[1].as_primitive::<TimestampMicrosecondType>();
        let count: Int64Array = from
            .iter()
            .zip(to)
            .map(|(from, to)| match self.whole {
                true => whole(unit, from?, to?),
                false => borders(unit, from?, to?),
            })
            .collect();
        let count: ArrayRef = Arc::new(count);
        Ok(match scalar && !count.is_empty() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&count, 0)?),
            false => ColumnarValue::Array(count),
        })
    }
}

fn moment(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|moment| moment.naive_utc())
}

fn months_since_zero(moment: &NaiveDateTime) -> i64 {
    i64::from(moment.year()) * 12 + i64::from(moment.month0())
}

/// Units that have passed whole from one moment to the other, negative backwards.
fn whole(unit: Unit, from: i64, to: i64) -> Option<i64> {
    let Some(months) = unit.months() else {
        return Some((to - from) / unit.micros()?);
    };
    let (start, end) = (moment(from)?, moment(to)?);
    let mut passed = months_since_zero(&end) - months_since_zero(&start);
    // Not whole yet: the last month is not over. Days are compared as they are called, as in MySQL and
    // Java: a month from the 31st of January is over on the 1st of March.
    let in_month = |moment: &NaiveDateTime| (moment.day(), moment.time());
    if passed > 0 && in_month(&end) < in_month(&start) {
        passed -= 1;
    } else if passed < 0 && in_month(&end) > in_month(&start) {
        passed += 1;
    }
    Some(passed / i64::from(months))
}

/// Borders between units from one moment to the other. Weeks begin on Monday.
fn borders(unit: Unit, from: i64, to: i64) -> Option<i64> {
    if let Some(months) = unit.months() {
        let place = |micros| {
            let moment = moment(micros)?;
            Some(months_since_zero(&moment).div_euclid(i64::from(months)))
        };
        return Some(place(to)? - place(from)?);
    }
    let micros = unit.micros()?;
    // 1970 began on a Thursday.
    let shift = match unit {
        Unit::Week => 3 * Unit::Day.micros()?,
        _ => 0,
    };
    let place = |at: i64| (at + shift).div_euclid(micros);
    Some(place(to) - place(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        let parsed = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        parsed.and_utc().timestamp_micros()
    }

    #[track_caller]
    fn check(unit: Unit, from: &str, to: &str, expected: (i64, i64)) {
        let (from, to) = (micros(from), micros(to));
        let found = (
            whole(unit, from, to).unwrap(),
            borders(unit, from, to).unwrap(),
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn whole_units_and_borders_differ() {
        check(Unit::Month, "2024-01-31 00:00", "2024-02-28 00:00", (0, 1));
        check(Unit::Month, "2024-01-31 00:00", "2024-02-29 00:00", (0, 1));
        check(Unit::Month, "2024-01-31 00:00", "2024-03-31 00:00", (2, 2));
        check(
            Unit::Month,
            "2024-03-01 00:00",
            "2024-01-31 12:00",
            (-1, -2),
        );
        check(Unit::Year, "2023-12-31 23:59", "2024-01-01 00:00", (0, 1));
        check(
            Unit::Quarter,
            "2024-01-01 00:00",
            "2024-07-01 00:00",
            (2, 2),
        );
        check(Unit::Day, "2024-01-01 23:00", "2024-01-02 01:00", (0, 1));
        // Sunday to Monday.
        check(Unit::Week, "2024-05-12 00:00", "2024-05-13 00:00", (0, 1));
        check(Unit::Hour, "1969-12-31 23:30", "1970-01-01 00:10", (0, 1));
    }
}
