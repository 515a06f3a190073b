//! Java's patterns of dates (`yyyy-MM-dd HH:mm`), as Spark has them.
//!
//! Source: "Datetime Patterns for Formatting and Parsing" of Apache Spark's documentation. What
//! chrono has no word for is an error.

use chrono::NaiveDateTime;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use datafusion::common::{Result, exec_err};
use regex::Regex;

/// A pattern, to write moments by and to read them.
#[derive(Debug)]
pub(super) struct JavaPattern {
    items: Vec<Item<'static>>,
    /// What texts look like that Java reads: chrono takes `5` for a `dd`, and blanks before numbers.
    shape: Regex,
}

impl JavaPattern {
    /// # Errors
    /// What of the pattern is not known.
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let (written, shape) = translated(pattern)?;
        let items = StrftimeItems::new(&written).parse_to_owned();
        match (items, Regex::new(&format!("^{shape}$"))) {
            (Ok(items), Ok(shape)) => Ok(Self { items, shape }),
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
        if !self.shape.is_match(text) {
            return None;
        }
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        completed(parsed)
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
    match (parsed.hour_div_12(), parsed.hour_mod_12()) {
        (None, None) => parsed.set_hour(0).map(drop).ok()?,
        // In the morning, unless there is an `a`.
        (None, Some(_)) => parsed.set_ampm(false).map(drop).ok()?,
        _ => {}
    }
    if parsed.second() == Some(60) {
        return None;
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
        ('y', 1 | 3 | 4) => "%Y",
        ('y', 2) => "%y",
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

/// What a letter that stands `count` times is like in a text.
fn shape(letter: char, count: usize) -> String {
    match (letter, count) {
        ('M' | 'L', 3..) | ('E' | 'a', _) => "[A-Za-z]+".to_owned(),
        ('y', 1) => "[0-9]{1,4}".to_owned(),
        ('y', 3) => "[0-9]{3,4}".to_owned(),
        ('D', 1) => "[0-9]{1,3}".to_owned(),
        (_, 1) => "[0-9]{1,2}".to_owned(),
        (_, count) => format!("[0-9]{{{count}}}"),
    }
}

/// The pattern in chrono's words, and a regular expression of what it reads.
fn translated(pattern: &str) -> Result<(String, String)> {
    let (mut out, mut like) = (String::new(), String::new());
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let length = rest.len() - rest.trim_start_matches(first).len();
        let count = length / first.len_utf8();
        let part = &rest[..length];
        match (first, word(first, count)) {
            (_, Some(word)) => {
                out.push_str(word);
                like.push_str(&shape(first, count));
            }
            ('\'', _) => {
                let (literal, behind) = quoted(&rest[1..], pattern)?;
                out.push_str(&literal.replace('%', "%%"));
                like.push_str(&regex::escape(&literal));
                rest = behind;
                continue;
            }
            (letter, _) if letter.is_ascii_alphabetic() || "[]{}#".contains(letter) => {
                return exec_err!("'{part}' in the pattern '{pattern}' of a date is not supported");
            }
            _ => {
                out.push_str(&part.replace('%', "%%"));
                like.push_str(&regex::escape(part));
            }
        }
        rest = &rest[length..];
    }
    Ok((out, like))
}

/// The text behind a quote up to the next, and what is behind that. Two quotes are one, alone and
/// within a text.
fn quoted<'a>(text: &'a str, pattern: &str) -> Result<(String, &'a str)> {
    let mut literal = String::new();
    let mut rest = text;
    loop {
        let Some((part, behind)) = rest.split_once('\'') else {
            return exec_err!("a quote is open in the pattern '{pattern}' of a date");
        };
        literal.push_str(part);
        match behind.strip_prefix('\'') {
            Some(more) if !literal.is_empty() => {
                literal.push('\'');
                rest = more;
            }
            _ if literal.is_empty() => return Ok(("'".to_owned(), behind)),
            _ => return Ok((literal, behind)),
        }
    }
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
        check(
            "M/d/yyyy H:mm",
            "1/15/2024 09:30",
            Some("2024-01-15 09:30:00"),
        );
        check("M/d/yyyy H:mm", "01/5/2024 9:3", None);
        check(
            "yyyy-MM-dd hh:mm:ss",
            "2024-01-05 03:04:05",
            Some("2024-01-05 03:04:05"),
        );
        check("HH:mm:ss", "03:04:60", None);
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
        assert_eq!(write("h 'o''clock'"), "3 o'clock");
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
