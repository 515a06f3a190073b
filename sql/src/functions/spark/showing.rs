//! Floats and timestamps as the texts that Spark makes of them.

use std::fmt::{LowerExp, Write};
use std::sync::Arc;

use chrono::{NaiveDateTime, Timelike};
use datafusion::arrow::array::{ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::Result;

use super::by_row::Session;
use super::dates::{moments, of_micros};

pub(super) fn text(args: &[ArrayRef], session: &Session) -> Result<ArrayRef> {
    let values = &args[0];
    let mut out = StringBuilder::with_capacity(values.len(), values.len() * 8);
    match values.data_type() {
        DataType::Float32 => {
            for value in values.as_primitive::<Float32Type>() {
                out.append_option(value.map(|value| float(f64::from(value), &value)));
            }
        }
        DataType::Timestamp(..) => {
            let moments = moments(values, session)?;
            for micros in &moments {
                out.append_option(micros.and_then(of_micros).map(moment));
            }
        }
        _ => {
            let values = datafusion::arrow::compute::cast(values, &DataType::Float64)?;
            for value in values.as_primitive::<Float64Type>() {
                out.append_option(value.map(|value| float(value, &value)));
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

/// As `Double.toString` of Java: digits from 10⁻³ to below 10⁷, else with an exponent; always with
/// a fraction. `digits` has the precision that the value was stored in.
fn float(value: f64, digits: &impl LowerExp) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    if value == 0.0 {
        return format!("{sign}0.0");
    }
    // `1.2345e-7`: as many digits as tell the value from its neighbours.
    let shortest = format!("{digits:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-3..7).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        return format!("{sign}{first}.{rest}E{exponent}");
    }
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    let padded = format!("{digits:0<whole$}");
    let (whole, fraction) = padded.split_at(whole);
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    format!("{sign}{whole}.{fraction}")
}

/// `2024-01-05 10:00:00.5`: a fraction without zeros at its end.
fn moment(moment: NaiveDateTime) -> String {
    let mut out = moment.format("%Y-%m-%d %H:%M:%S").to_string();
    let micros = moment.nanosecond() / 1000;
    if micros > 0 {
        let fraction = format!("{micros:06}");
        let _ = write!(out, ".{}", fraction.trim_end_matches('0'));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_shown_as_java_does() {
        for (value, shown) in [
            (1.0, "1.0"),
            (100_000_000.0, "1.0E8"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (12_345_678.9, "1.23456789E7"),
            (1.5e-7, "1.5E-7"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (0.1, "0.1"),
            (-1234.5, "-1234.5"),
            (1e300, "1.0E300"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(float(value, &value), shown);
        }
        assert_eq!(float(f64::from(0.1_f32), &0.1_f32), "0.1");
    }
}
