//! Texts, and numbers of wider types, as the whole numbers, dates and timestamps that Spark reads in
//! them. What cannot be read is NULL.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray, StringArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use datafusion::common::Result;

use super::by_row::Session;

/// Arrow's cast, with NULL for what it cannot read.
fn plain(values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    Ok(cast_with_options(values, to, &options)?)
}

/// A whole number: of a text up to its point, of a wider type its low bits, of a float what is
/// nearest to it.
pub(super) fn whole<T: ArrowPrimitiveType>(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let values = &args[0];
    if values.data_type().is_signed_integer() {
        let wide = cast(values, &DataType::Int64)?;
        return cut::<T>(wide.as_primitive());
    }
    if values.data_type().is_floating() {
        let floats = cast(values, &DataType::Float64)?;
        let floats = floats.as_primitive::<Float64Type>();
        // As in Scala: a small type is cut out of an INT.
        let wide: Int64Array = match T::DATA_TYPE {
            DataType::Int64 => floats.unary(|value| value as i64),
            _ => floats.unary(|value| i64::from(value as i32)),
        };
        return cut::<T>(&wide);
    }
    let known = plain(values, &T::DATA_TYPE)?;
    if known.null_count() == values.null_count() {
        return Ok(known);
    }
    plain(&each::<Int64Type>(values, whole_part)?, &T::DATA_TYPE)
}

fn cut<T: ArrowPrimitiveType>(wide: &Int64Array) -> Result<ArrayRef> {
    let low: Int64Array = match T::DATA_TYPE {
        DataType::Int8 => wide.unary(|value| i64::from(value as i8)),
        DataType::Int16 => wide.unary(|value| i64::from(value as i16)),
        DataType::Int32 => wide.unary(|value| i64::from(value as i32)),
        _ => wide.clone(),
    };
    Ok(cast(&low, &T::DATA_TYPE)?)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|ch: char| ch <= ' ')
}

/// `-12.7` is -12.
fn whole_part(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || !are_digits(digits) || !are_digits(fraction) {
        return None;
    }
    match digits.is_empty() {
        true => (digits.len() < text.len() && text.contains('.')).then_some(0),
        false => whole.parse().ok(),
    }
}

/// `read` of each text.
fn each<T: ArrowPrimitiveType>(
    values: &ArrayRef,
    read: impl Fn(&str) -> Option<T::Native>,
) -> Result<ArrayRef> {
    let texts = cast(values, &DataType::Utf8)?;
    let texts: &StringArray = texts.as_string();
    let read = texts.iter().map(|text| read(trimmed(text?)));
    Ok(Arc::new(read.collect::<PrimitiveArray<T>>()))
}

pub(super) fn date(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    each::<Date32Type>(&args[0], |text| {
        let (date, _) = leading_date(text)?;
        Some(Date32Type::from_naive_date(date))
    })
}

pub(super) fn timestamp(args: &[ArrayRef], session: &Session) -> Result<ArrayRef> {
    each::<TimestampMicrosecondType>(&args[0], |text| {
        let moment = moment(text, session.zone)?;
        Some(moment.and_utc().timestamp_micros())
    })
}

/// `yyyy[-m[-d]]`, and what follows a blank or a `T` behind a day.
fn leading_date(text: &str) -> Option<(NaiveDate, &str)> {
    let end = text.find([' ', 'T']).unwrap_or(text.len());
    let (day, rest) = text.split_at(end);
    let mut parts = day.split('-');
    let year = parts.next().filter(|year| (4..=7).contains(&year.len()))?;
    let month = parts.next();
    let of_month = parts.next();
    // What is behind a month alone belongs to no day.
    if parts.next().is_some() || (of_month.is_none() && !rest.is_empty()) {
        return None;
    }
    let small = |part: Option<&str>| match part {
        None => Some(1),
        Some(part) if (1..=2).contains(&part.len()) => number(part),
        Some(_) => None,
    };
    let year = i32::try_from(number(year)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, small(month)?, small(of_month)?)?;
    Some((date, rest.get(1..).unwrap_or_default()))
}

/// Whether `text` is a date.
pub(crate) fn is_date(text: &str) -> bool {
    leading_date(trimmed(text)).is_some()
}

/// Whether `text` is a timestamp.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let utc = "UTC".parse();
    utc.is_ok_and(|utc| moment(trimmed(text), utc).is_some())
}

fn number(digits: &str) -> Option<u32> {
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().ok())?
}

/// A day, and `h[:m[:s[.fraction]]]` with a zone or that of the session.
fn moment(text: &str, session_zone: Tz) -> Option<NaiveDateTime> {
    let (date, rest) = leading_date(text)?;
    if rest.is_empty() {
        return date.and_hms_opt(0, 0, 0);
    }
    let end = rest.find(|ch: char| !matches!(ch, '0'..='9' | ':' | '.'));
    let (clock, zone) = rest.split_at(end.unwrap_or(rest.len()));
    let moment = date.and_time(time(clock)?);
    let zone = match zone.trim() {
        "" => return Some(moment),
        "Z" => "UTC",
        zone => zone,
    };
    let zone: Tz = zone.parse().ok()?;
    let instant = zone.from_local_datetime(&moment).earliest()?;
    Some(instant.with_timezone(&session_zone).naive_local())
}

fn time(clock: &str) -> Option<NaiveTime> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(|part| {
        let is_short = (1..=2).contains(&part.len());
        is_short.then(|| number(part))?
    });
    let hour = parts.next()??;
    let mut next = || parts.next().unwrap_or(Some(0));
    let (minute, second) = (next()?, next()?);
    if parts.next().is_some() {
        return None;
    }
    let micros = micros(fraction)?;
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros)
}

/// The first six digits behind the point.
fn micros(fraction: &str) -> Option<u32> {
    const DIGITS: usize = 6;
    let first = &fraction.as_bytes()[..fraction.len().min(DIGITS)];
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = first.iter().chain(std::iter::repeat(&b'0')).take(DIGITS);
    Some(padded.fold(0, |micros, digit| micros * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_end_at_the_point() {
        let read = [
            "4.7", "-12.9", "+5", "1.", ".5", "1e2", "abc", "", "-", "1.x",
        ]
        .map(whole_part);
        let expected = [4, -12, 5, 1, 0].map(Some);
        assert_eq!(read[..5], expected);
        assert_eq!(read[5..], [None; 5]);
    }

    #[test]
    fn dates_need_no_day_and_no_zeros() {
        let date = |text| leading_date(text).map(|(date, _)| date.to_string());
        for (text, expected) in [
            ("2024", "2024-01-01"),
            ("2024-3", "2024-03-01"),
            ("2024-3-5", "2024-03-05"),
            ("2024-03-05T10", "2024-03-05"),
            ("2024-03-05 anything", "2024-03-05"),
        ] {
            assert_eq!(date(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "24-1-1",
            "2024-13-01",
            "2024-02-30",
            "2024-1-1-1",
            "x",
            "2024 1",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn moments_need_no_seconds_and_may_name_a_zone() {
        let zone = "Europe/Madrid".parse().unwrap();
        let read = |text| moment(text, zone).map(|moment| moment.to_string());
        for (text, expected) in [
            ("2026-03-05 10:00", "2026-03-05 10:00:00"),
            ("2026-3-5 9:5:7.25", "2026-03-05 09:05:07.250"),
            ("2026-3-5 9:5:7.12345678", "2026-03-05 09:05:07.123456"),
            ("2026-07-05T10:00:00Z", "2026-07-05 12:00:00"),
            ("2026-07-05 10:00:00+05:30", "2026-07-05 06:30:00"),
            ("2026-07-05 10:00 America/New_York", "2026-07-05 16:00:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "2026-03-05 25:00",
            "2026-03-05 10:00:00 nowhere",
            "2026-03-05 10:00:00.1.2",
            "10:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
