//! `initcap` and `format_number` of Spark.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ScalarUDF, TypeSignature};

use super::by_row::{ByRow, Session};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let initcap = ByRow {
        name: "mica_initcap",
        signature: TypeSignature::Exact(vec![DataType::Utf8]),
        result: DataType::Utf8,
        run: initcap,
    };
    let format_number = ByRow {
        name: "mica_format_number",
        signature: TypeSignature::Exact(vec![DataType::Float64, DataType::Int32]),
        result: DataType::Utf8,
        run: format_number,
    };
    let all = [initcap, format_number];
    all.into_iter().map(ByRow::function).collect()
}

/// The first letter of each word large, the others small. Blanks alone are between words.
fn initcap(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let texts: &StringArray = args[0].as_string();
    let capped = texts.iter().map(|text| text.map(capitalised));
    Ok(Arc::new(capped.collect::<StringArray>()))
}

fn capitalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for ch in text.chars() {
        match begins {
            true => out.extend(ch.to_uppercase()),
            false => out.extend(ch.to_lowercase()),
        }
        begins = ch == ' ';
    }
    out
}

/// `1,234,567.89`: half to even, as Java's `DecimalFormat`.
fn format_number(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let (numbers, digits) = (
        args[0].as_primitive::<Float64Type>(),
        args[1].as_primitive::<Int32Type>(),
    );
    let rows = numbers.iter().zip(digits);
    let shown = rows.map(|row| match row {
        (Some(number), Some(digits)) => Some(grouped(number, usize::try_from(digits).ok()?)),
        _ => None,
    });
    Ok(Arc::new(shown.collect::<StringArray>()))
}

fn grouped(number: f64, digits: usize) -> String {
    if !number.is_finite() {
        return match number {
            number if number.is_nan() => "NaN".to_owned(),
            number if number > 0.0 => "∞".to_owned(),
            _ => "-∞".to_owned(),
        };
    }
    // Digits beyond what a double tells are of no use.
    let text = format!("{:.*}", digits.min(300), number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if number < 0.0 {
        out.push('-');
    }
    for (at, ch) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(ch);
    }
    if !fraction.is_empty() {
        out.push('.');
        out += fraction;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, digits, expected) in [
            (1_234_567.891, 2, "1,234,567.89"),
            (1234.5, 0, "1,234"),
            (0.125, 2, "0.12"),
            (-9876.5, 1, "-9,876.5"),
            (-0.001, 2, "-0.00"),
            (999.0, 0, "999"),
        ] {
            assert_eq!(grouped(number, digits), expected);
        }
    }

    #[test]
    fn words_begin_behind_blanks() {
        assert_eq!(capitalised("hello wORLD"), "Hello World");
        assert_eq!(capitalised("o'neil-smith jr."), "O'neil-smith Jr.");
    }
}
