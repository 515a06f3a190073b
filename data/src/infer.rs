//! The type that a column of text can have.
//!
//! A value has a narrowest type; a column has the narrowest type that holds all its values. The
//! ladder is Spark's: INT, BIGINT, DECIMAL(38,0), DOUBLE; DATE, TIMESTAMP; BOOLEAN; text.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// The narrowest type of values seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Narrowest {
    /// Nothing but NULLs.
    #[default]
    Nothing,
    Boolean,
    Int,
    BigInt,
    /// More than 64 bits; up to 38 digits.
    HugeInt,
    Double,
    Date,
    Timestamp,
    Text,
}

use Narrowest::{BigInt, Boolean, Date, Double, HugeInt, Int, Nothing, Text, Timestamp};

impl Narrowest {
    /// The narrowest type of one value.
    pub(crate) fn of(value: &str) -> Self {
        let bytes = value.as_bytes();
        match bytes.first() {
            None => Nothing,
            Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {
                number(value).unwrap_or_else(|| moment(value))
            }
            Some(b't' | b'T' | b'f' | b'F')
                if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") =>
            {
                Boolean
            }
            _ => Text,
        }
    }

    /// The narrowest type that holds both.
    pub(crate) fn widen(self, other: Self) -> Self {
        match (self, other) {
            (same, other) if same == other => same,
            (Nothing, other) | (other, Nothing) => other,
            (Int, BigInt) | (BigInt, Int) => BigInt,
            (HugeInt, Int | BigInt) | (Int | BigInt, HugeInt) => HugeInt,
            (Double, Int | BigInt | HugeInt) | (Int | BigInt | HugeInt, Double) => Double,
            (Date, Timestamp) | (Timestamp, Date) => Timestamp,
            _ => Text,
        }
    }

    /// The column type. `ints` tells whether INT is kept or widened to BIGINT.
    pub(crate) fn data_type(self, ints: bool) -> DataType {
        match self {
            Nothing | Text => DataType::Utf8,
            Boolean => DataType::Boolean,
            Int if ints => DataType::Int32,
            Int | BigInt => DataType::Int64,
            HugeInt => DataType::Decimal128(38, 0),
            Double => DataType::Float64,
            Date => DataType::Date32,
            Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

fn number(value: &str) -> Option<Narrowest> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(match value.parse::<i64>() {
            Ok(number) if i32::try_from(number).is_ok() => Int,
            Ok(_) => BigInt,
            Err(_) if digits.trim_start_matches('0').len() <= 38 => HugeInt,
            Err(_) => Double,
        });
    }
    let numeric = |byte: u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
    let float = digits.bytes().all(numeric) && value.parse::<f64>().is_ok();
    float.then_some(Double)
}

fn moment(value: &str) -> Narrowest {
    let bytes = value.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return Text;
    }
    if chrono::NaiveDate::parse_from_str(value, "%Y-%m-%d").is_ok() {
        return Date;
    }
    let zone = &chrono::Utc;
    match datafusion::arrow::compute::kernels::cast_utils::string_to_datetime(zone, value) {
        Ok(_) if bytes.len() > 10 => Timestamp,
        _ => Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_narrowest_type() {
        for (value, expected) in [
            ("", Nothing),
            ("7", Int),
            ("-2147483649", BigInt),
            ("9223372036854775808", HugeInt),
            ("1.5", Double),
            ("1e3", Double),
            ("-", Text),
            ("1.2.3", Text),
            ("2024-02-29", Date),
            ("2023-02-29", Text),
            ("2024-05-15 14:30:00", Timestamp),
            ("2024-05-15T14:30:00Z", Timestamp),
            ("10:30:00", Text),
            ("TRUE", Boolean),
            ("tru", Text),
            ("555-0101", Text),
        ] {
            assert_eq!(Narrowest::of(value), expected, "{value}");
        }
    }

    #[test]
    fn a_column_has_the_narrowest_type_that_holds_all() {
        for (values, expected) in [
            (&["1", "", "2.5"][..], Double),
            (&["1", "3000000000"], BigInt),
            (&["2024-01-01", "2024-01-01 10:00:00"], Timestamp),
            (&["1", "true"], Text),
            (&["2024-01-01", "7"], Text),
            (&["", ""], Nothing),
        ] {
            let kinds = values.iter().map(|value| Narrowest::of(value));
            let found = kinds.fold(Nothing, Narrowest::widen);
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
