//! `split`, `regexp_extract` and `regexp_extract_all`.
//!
//! Regular expressions are those of the crate `regex`, which knows no look-around and no
//! back-references; one that has them is an error, where Java would take it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ScalarUDF, TypeSignature};
use regex::{Captures, Regex};

use super::by_row::{ByRow, Last, Session};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let texts = || DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let arguments = || vec![DataType::Utf8, DataType::Utf8, DataType::Int32];
    let split = ByRow {
        name: "mica_split",
        signature: TypeSignature::Exact(arguments()),
        result: texts(),
        run: split,
    };
    let extract = ByRow {
        name: "mica_regexp_extract",
        signature: TypeSignature::Exact(arguments()),
        result: DataType::Utf8,
        run: extract,
    };
    let extract_all = ByRow {
        name: "mica_regexp_extract_all",
        signature: TypeSignature::Exact(arguments()),
        result: texts(),
        run: extract_all,
    };
    vec![split.function(), extract.function(), extract_all.function()]
}

fn regex(text: &str) -> Result<Regex> {
    Regex::new(&of_ascii(text)).map_err(|error| {
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default();
        exec_datafusion_err!("'{text}' is not a regular expression: {reason}")
    })
}

/// `text` with `\d`, `\w` and `\s` as Java has them: those of ASCII.
fn of_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(ch) = chars.next() {
        let class = match (ch, chars.as_str().chars().next()) {
            ('\\', Some('d')) => "[0-9]",
            ('\\', Some('D')) => "[^0-9]",
            ('\\', Some('w')) => "[0-9A-Za-z_]",
            ('\\', Some('W')) => "[^0-9A-Za-z_]",
            ('\\', Some('s')) => "[ \\t\\n\\x0B\\f\\r]",
            ('\\', Some('S')) => "[^ \\t\\n\\x0B\\f\\r]",
            ('\\', Some(_)) => {
                out.push(ch);
                out.extend(chars.next());
                continue;
            }
            _ => {
                out.push(ch);
                continue;
            }
        };
        out.push_str(class);
        chars.next();
    }
    out
}

/// The text, the expression and the number of a row, if it has all three.
fn row(args: &[ArrayRef], at: usize) -> Option<(&str, &str, i32)> {
    let [text, pattern, number] = args else {
        return None;
    };
    let (text, pattern) = (text.as_string::<i32>(), pattern.as_string::<i32>());
    let number = number.as_primitive::<Int32Type>();
    let is_there = text.is_valid(at) && pattern.is_valid(at) && number.is_valid(at);
    is_there.then(|| (text.value(at), pattern.value(at), number.value(at)))
}

fn rows(args: &[ArrayRef]) -> usize {
    args.first().map_or(0, |first| first.len())
}

/// The parts of a text between matches: at most `limit`, if that is positive. A match of nothing at
/// the beginning makes no part, as in Java.
fn split(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let (mut last, mut lists) = (Last::new(), ListBuilder::new(StringBuilder::new()));
    for at in 0..rows(args) {
        let Some((text, pattern, limit)) = row(args, at) else {
            lists.append_null();
            continue;
        };
        let pattern = last.get(pattern, regex)?;
        let (mut from, mut parts) = (0, 1);
        for found in pattern.find_iter(text) {
            if limit > 0 && parts == limit || found.end() == 0 {
                continue;
            }
            if pattern.as_str().is_empty() && found.start() == text.len() {
                continue;
            }
            lists.values().append_value(&text[from..found.start()]);
            from = found.end();
            parts += 1;
        }
        lists.values().append_value(&text[from..]);
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// The group of a match; nothing where it took no part in it.
fn group<'a>(found: &Captures<'a>, number: i32) -> Result<&'a str> {
    match usize::try_from(number) {
        Ok(number) if number < found.len() => {
            Ok(found.get(number).map_or("", |group| group.as_str()))
        }
        _ => exec_err!(
            "there is no group {number} in the regular expression: it has {}",
            found.len() - 1
        ),
    }
}

/// The group of the first match; an empty text if there is none.
fn extract(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let mut last = Last::new();
    let mut extracted = |at| {
        let Some((text, pattern, number)) = row(args, at) else {
            return Ok(None);
        };
        match last.get(pattern, regex)?.captures(text) {
            Some(found) => group(&found, number).map(Some),
            None => Ok(Some("")),
        }
    };
    let texts: StringArray = (0..rows(args)).map(&mut extracted).collect::<Result<_>>()?;
    Ok(Arc::new(texts))
}

/// The group of every match.
fn extract_all(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let (mut last, mut lists) = (Last::new(), ListBuilder::new(StringBuilder::new()));
    for at in 0..rows(args) {
        let Some((text, pattern, number)) = row(args, at) else {
            lists.append_null();
            continue;
        };
        for found in last.get(pattern, regex)?.captures_iter(text) {
            lists.values().append_value(group(&found, number)?);
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}
