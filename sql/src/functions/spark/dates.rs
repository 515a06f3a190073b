//! Moments as texts, texts as moments, and the months between two.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeZone, Timelike};
use datafusion::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ScalarUDF, TypeSignature};

use super::by_row::{ByRow, Last, Session};
use super::java_pattern::JavaPattern;

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let moment = || DataType::Timestamp(TimeUnit::Microsecond, None);
    let format = ByRow {
        name: "mica_date_format",
        signature: TypeSignature::Any(2),
        result: DataType::Utf8,
        run: format,
    };
    let parse = ByRow {
        name: "mica_parse_moment",
        signature: TypeSignature::Any(2),
        result: moment(),
        run: parse,
    };
    let months = ByRow {
        name: "mica_months_between",
        signature: TypeSignature::Exact(vec![moment(), moment(), DataType::Boolean]),
        result: DataType::Float64,
        run: months_between,
    };
    let from_seconds = ByRow {
        name: "mica_from_seconds",
        signature: TypeSignature::Exact(vec![DataType::Int64]),
        result: moment(),
        run: from_seconds,
    };
    let unix_seconds = ByRow {
        name: "mica_unix_seconds",
        signature: TypeSignature::Exact(vec![moment()]),
        result: DataType::Int64,
        run: unix_seconds,
    };
    let all = [format, parse, months, from_seconds, unix_seconds];
    all.into_iter().map(ByRow::function).collect()
}

fn cast(values: &ArrayRef, to: &DataType, session: &Session) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: session.is_lenient,
        ..CastOptions::default()
    };
    Ok(cast_with_options(values, to, &options)?)
}

/// `values`, of whatever type, as plain timestamps.
/// Zoned ones are those that a clock of the session's zone shows.
pub(super) fn moments(values: &ArrayRef, session: &Session) -> Result<TimestampMicrosecondArray> {
    let to = DataType::Timestamp(TimeUnit::Microsecond, None);
    let moments = cast(values, &to, session)?;
    let moments = moments.as_primitive::<TimestampMicrosecondType>();
    Ok(match values.data_type() {
        DataType::Timestamp(_, Some(_)) => moments.unary_opt(|micros| local(micros, session)),
        _ => moments.clone(),
    })
}

fn local(micros: i64, session: &Session) -> Option<i64> {
    let shown = of_micros(micros)?.and_utc().with_timezone(&session.zone);
    Some(shown.naive_local().and_utc().timestamp_micros())
}

/// `from_unixtime`: what a clock of the session's zone shows so many seconds after 1970.
fn from_seconds(args: &[ArrayRef], session: &Session) -> Result<ArrayRef> {
    let seconds = args[0].as_primitive::<Int64Type>();
    let micros = |seconds: i64| local(seconds.checked_mul(1_000_000)?, session);
    let moments: TimestampMicrosecondArray = seconds.unary_opt(micros);
    Ok(Arc::new(moments))
}

/// `unix_timestamp`: the seconds since 1970 when a clock of the session's zone showed it.
fn unix_seconds(args: &[ArrayRef], session: &Session) -> Result<ArrayRef> {
    let moments = args[0].as_primitive::<TimestampMicrosecondType>();
    let seconds: Int64Array = moments.unary_opt(|micros| {
        let shown = session.zone.from_local_datetime(&of_micros(micros)?);
        shown.earliest().map(|moment| moment.timestamp())
    });
    Ok(Arc::new(seconds))
}

pub(super) fn of_micros(micros: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp_micros(micros).map(|moment| moment.naive_utc())
}

/// `date_format(moment, pattern)`.
fn format(args: &[ArrayRef], session: &Session) -> Result<ArrayRef> {
    let moments = moments(&args[0], session)?;
    let patterns = cast(&args[1], &DataType::Utf8, session)?;
    let mut last = Last::new();
    let rows = moments.iter().zip(patterns.as_string::<i32>());
    let texts = rows.map(|row| match row {
        (Some(micros), Some(pattern)) => {
            let pattern = last.get(pattern, JavaPattern::new)?;
            Ok(of_micros(micros).map(|moment| pattern.write(moment)))
        }
        _ => Ok(None),
    });
    let texts: StringArray = texts.collect::<Result<_>>()?;
    Ok(Arc::new(texts))
}

/// `to_timestamp(text, pattern)`. What is no text needs no pattern.
fn parse(args: &[ArrayRef], session: &Session) -> Result<ArrayRef> {
    if args[0].data_type().is_temporal() {
        return Ok(Arc::new(moments(&args[0], session)?));
    }
    let texts = cast(&args[0], &DataType::Utf8, session)?;
    let patterns = cast(&args[1], &DataType::Utf8, session)?;
    let mut last = Last::new();
    let rows = texts
        .as_string::<i32>()
        .iter()
        .zip(patterns.as_string::<i32>());
    let moments = rows.map(|row| match row {
        (Some(text), Some(pattern)) => match last.get(pattern, JavaPattern::new)?.read(text) {
            Some(moment) => Ok(Some(moment.and_utc().timestamp_micros())),
            None if session.is_lenient => Ok(None),
            None => exec_err!("'{text}' is not a moment by the pattern '{pattern}'"),
        },
        _ => Ok(None),
    });
    let moments: TimestampMicrosecondArray = moments.collect::<Result<_>>()?;
    Ok(Arc::new(moments))
}

/// `months_between(end, start, round_off)`.
fn months_between(args: &[ArrayRef], session: &Session) -> Result<ArrayRef> {
    let (ends, starts) = (moments(&args[0], session)?, moments(&args[1], session)?);
    let rounds = args[2].as_boolean();
    let rows = ends.iter().zip(&starts).zip(rounds);
    let months: Float64Array = rows
        .map(|((end, start), round)| {
            let months = months_from(of_micros(start?)?, of_micros(end?)?);
            Some(match round? {
                true => (months * 1e8).round() / 1e8,
                false => months,
            })
        })
        .collect();
    Ok(Arc::new(months))
}

/// Spark's: whole months between equal days and between last days, else a month has 31 days.
fn months_from(start: NaiveDateTime, end: NaiveDateTime) -> f64 {
    const MONTH_SECONDS: f64 = 31.0 * 86_400.0;
    let months_of = |moment: &NaiveDateTime| moment.year() * 12 + moment.month0() as i32;
    let months = f64::from(months_of(&end) - months_of(&start));
    if start.day() == end.day() || is_last_day(start.date()) && is_last_day(end.date()) {
        return months;
    }
    let seconds_of = |moment: &NaiveDateTime| {
        f64::from(moment.day()) * 86_400.0 + f64::from(moment.num_seconds_from_midnight())
    };
    months + (seconds_of(&end) - seconds_of(&start)) / MONTH_SECONDS
}

fn is_last_day(date: NaiveDate) -> bool {
    date.succ_opt().is_none_or(|next| next.day() == 1)
}
