//! Java's patterns of dates (`yyyy-MM-dd HH:mm`), as Spark has them.
//!
//! Source: "Datetime Patterns for Formatting and Parsing" of Apache Spark's documentation. What
//! chrono has no word for is an error.

use chrono::NaiveDateTime;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use datafusion::common::{Result, exec_err};

/// A pattern, to write moments by and to read them.
#[derive(Debug)]
pub(super) struct JavaPattern {
    items: Vec<Item<'static>>,
    /// As above, with zeros before short numbers: by a `d`, Java reads `05` as well as `5`.
    padded: Vec<Item<'static>>,
}

impl JavaPattern {
    /// # Errors
    /// What of the pattern is not known.
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let written = translated(pattern)?;
        let items = |text: &str| StrftimeItems::new(text).parse_to_owned().ok();
        match (items(&written), items(&written.replace("%-", "%"))) {
            (Some(items), Some(padded)) => Ok(Self { items, padded }),
            _ => exec_err!("the pattern '{pattern}' of a date is not supported"),
        }
    }

    /// `moment` by the pattern.
    pub(super) fn write(&self, moment: NaiveDateTime) -> String {
        moment.format_with_items(self.items.iter()).to_string()
    }

    /// The moment that a text is by the pattern. What the pattern leaves out is that of 1970-01-01
    /// 00:00.
    pub(super) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        let moment = completed(parsed)?;
        // chrono takes `5` for a `dd`, and blanks before numbers; Java does not.
        let is_as_written = |items: &[Item<'static>]| {
            let again = moment.format_with_items(items.iter()).to_string();
            again.eq_ignore_ascii_case(text)
        };
        (is_as_written(&self.items) || is_as_written(&self.padded)).then_some(moment)
    }
}

fn completed(mut parsed: Parsed) -> Option<NaiveDateTime> {
    if parsed.year().is_none() {
        // Two digits are those of this century.
        let year = parsed.year_mod_100().map_or(1970, |year| 2000 + year);
        parsed.set_year(i64::from(year)).ok()?;
    }
    if parsed.ordinal().is_none() {
        if parsed.month().is_none() {
            parsed.set_month(1).ok()?;
        }
        if parsed.day().is_none() {
            parsed.set_day(1).ok()?;
        }
    }
    if parsed.hour_div_12().is_none() && parsed.hour_mod_12().is_none() {
        parsed.set_hour(0).ok()?;
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    let time = parsed.to_naive_time().ok()?;
    Some(parsed.to_naive_date().ok()?.and_time(time))
}

/// What chrono calls a letter that stands `count` times.
fn word(letter: char, count: usize) -> Option<&'static str> {
    Some(match (letter, count) {
        ('y' | 'u', 1 | 3 | 4) => "%Y",
        ('y' | 'u', 2) => "%y",
        ('M' | 'L', 1) => "%-m",
        ('M' | 'L', 2) => "%m",
        ('M' | 'L', 3) => "%b",
        ('M' | 'L', 4) => "%B",
        ('d', 1) => "%-d",
        ('d', 2) => "%d",
        ('D', 1) => "%-j",
        ('D', 3) => "%j",
        ('E', 1..=3) => "%a",
        ('E', 4) => "%A",
        ('Q' | 'q', 1) => "%q",
        ('Q' | 'q', 2) => "0%q",
        ('H', 1) => "%-H",
        ('H', 2) => "%H",
        ('h', 1) => "%-I",
        ('h', 2) => "%I",
        ('m', 1) => "%-M",
        ('m', 2) => "%M",
        ('s', 1) => "%-S",
        ('s', 2) => "%S",
        ('S', 3) => "%3f",
        ('S', 6) => "%6f",
        ('S', 9) => "%9f",
        ('a', 1) => "%p",
        _ => return None,
    })
}

fn translated(pattern: &str) -> Result<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let length = rest.len() - rest.trim_start_matches(first).len();
        let count = length / first.len_utf8();
        match first {
            letter if letter.is_ascii_alphabetic() => match word(letter, count) {
                Some(word) => out.push_str(word),
                None => {
                    let part = &rest[..length];
                    return exec_err!(
                        "'{part}' in the pattern '{pattern}' of a date is not supported"
                    );
                }
            },
            '\'' => {
                rest = quoted(&rest[1..], &mut out, pattern)?;
                continue;
            }
            '[' | ']' | '{' | '}' | '#' => {
                return exec_err!(
                    "'{first}' in the pattern '{pattern}' of a date is not supported"
                );
            }
            '%' => out.push_str(&"%%".repeat(count)),
            _ => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    Ok(out)
}

/// Adds the text behind a quote to `out`, and gives what is behind the next; two quotes are one.
fn quoted<'a>(text: &'a str, out: &mut String, pattern: &str) -> Result<&'a str> {
    let Some((literal, rest)) = text.split_once('\'') else {
        return exec_err!("a quote is open in the pattern '{pattern}' of a date");
    };
    match literal {
        "" => out.push('\''),
        literal => out.push_str(&literal.replace('%', "%%")),
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap()
    }

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: Option<&str>) {
        let pattern = JavaPattern::new(pattern).unwrap();
        assert_eq!(pattern.read(text), expected.map(moment));
    }

    #[test]
    fn a_text_is_read_as_java_reads_it() {
        check("dd/MM/yyyy", "31/01/2024", Some("2024-01-31 00:00:00"));
        check("dd/MM/yyyy", "1/01/2024", None);
        check("d/M/yy", "1/12/24", Some("2024-12-01 00:00:00"));
        check("d/M/yy", "01/02/70", Some("2070-02-01 00:00:00"));
        check("yyyyMM", "202402", Some("2024-02-01 00:00:00"));
        check("yyyy-MM-dd", "2023-02-29", None);
        check("yyyy-MM-dd", "2023-02-28 x", None);
        check("dd-MMM-yyyy", "31-JAN-2024", Some("2024-01-31 00:00:00"));
        check("HH", "07", Some("1970-01-01 07:00:00"));
        check("h:mm a", "3:04 PM", Some("1970-01-01 15:04:00"));
        check("ss.SSS", "05.120", Some("1970-01-01 00:00:05.12"));
    }

    #[test]
    fn a_moment_is_written_as_java_writes_it() {
        let write = |pattern: &str| {
            let pattern = JavaPattern::new(pattern).unwrap();
            pattern.write(moment("2024-08-07 15:04:05.123"))
        };
        assert_eq!(write("E, d MMM yy"), "Wed, 7 Aug 24");
        assert_eq!(write("'week of' yyyy''D QQ%"), "week of 2024'220 03%");
        assert_eq!(write("hh:mm:ss.SSS a"), "03:04:05.123 PM");
    }

    #[test]
    fn what_is_not_known_is_told() {
        for (pattern, told) in [
            ("yyyy-zz", "'zz' in"),
            ("[yyyy]", "'[' in"),
            ("'x", "a quote"),
        ] {
            let error = JavaPattern::new(pattern).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
