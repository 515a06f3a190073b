//! Options of formats, in one spelling.
//!
//! DataFusion, Spark and Hive name them differently; what is stored has the names here.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// Options of CSV files, as stored under these names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CsvOptions {
    pub(crate) has_header: bool,
    pub(crate) delimiter: u8,
    /// None reads quotes as ordinary characters.
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) comment: Option<u8>,
    pub(crate) newlines_in_values: bool,
    /// Short rows are filled with NULL.
    pub(crate) truncated_rows: bool,
    /// Text that means NULL besides the empty one.
    pub(crate) null_value: Option<String>,
    /// A value that does not fit its type is NULL, as in Hive's text files.
    pub(crate) lenient: bool,
    /// Types are inferred; else every column is text.
    pub(crate) infer: bool,
}

const CSV_KEYS: &str = "has_header (header), delimiter (sep), quote, escape, comment, \
     newlines_in_values (multiLine), truncated_rows, null_value (nullValue), infer_schema \
     (inferSchema), mode, encoding";

/// Keys that the definer itself stores.
pub(crate) const DIALECT: &str = "dialect";

fn boolean(key: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Error::BadOption {
            key: key.to_owned(),
            value: value.to_owned(),
            expected: "true or false",
        }),
    }
}

/// A single byte: a character, `\t`, `\u0001`, or a number in Hive's octal (`\001`).
fn byte(key: &str, value: &str) -> Result<u8> {
    let bad = || Error::BadOption {
        key: key.to_owned(),
        value: value.to_owned(),
        expected: "one ASCII character, such as ',' or '\\t'",
    };
    let unescaped = match value {
        "\\t" => "\t",
        "\\0" => "\0",
        other => other,
    };
    if let [byte] = unescaped.as_bytes()
        && byte.is_ascii()
    {
        return Ok(*byte);
    }
    let code = match value
        .strip_prefix("\\u")
        .or_else(|| value.strip_prefix("\\x"))
    {
        Some(hex) => u8::from_str_radix(hex.trim_start_matches('0'), 16).ok(),
        None => value
            .strip_prefix('\\')
            .and_then(|octal| u8::from_str_radix(octal, 8).ok()),
    };
    code.filter(u8::is_ascii).ok_or_else(bad)
}

fn optional_byte(key: &str, value: &str) -> Result<Option<u8>> {
    match value {
        "" | "none" | "NONE" => Ok(None),
        value => byte(key, value).map(Some),
    }
}

impl CsvOptions {
    /// The defaults of a dialect: Spark reads no header and no types unless told to.
    pub(crate) fn defaults(spark: bool, text_file: bool) -> Self {
        Self {
            has_header: !spark && !text_file,
            delimiter: if text_file { 1 } else { b',' },
            quote: (!text_file).then_some(b'"'),
            escape: None,
            comment: None,
            newlines_in_values: false,
            truncated_rows: spark || text_file,
            null_value: text_file.then(|| "\\N".to_owned()),
            lenient: text_file,
            infer: !spark,
        }
    }

    /// Applies options under any of their names.
    ///
    /// # Errors
    /// [`Error::UnknownOption`], [`Error::BadOption`].
    pub(crate) fn apply(&mut self, options: &BTreeMap<String, String>) -> Result<()> {
        for (key, value) in options {
            match key.as_str() {
                "has_header" | "header" => self.has_header = boolean(key, value)?,
                "delimiter" | "sep" | "field.delim" => self.delimiter = byte(key, value)?,
                "quote" => self.quote = optional_byte(key, value)?,
                "escape" => self.escape = optional_byte(key, value)?,
                "comment" => self.comment = optional_byte(key, value)?,
                "newlines_in_values" | "multiline" => {
                    self.newlines_in_values = boolean(key, value)?;
                }
                "truncated_rows" => self.truncated_rows = boolean(key, value)?,
                "null_value" | "nullvalue" => self.null_value = Some(value.clone()),
                "infer_schema" | "inferschema" => self.infer = boolean(key, value)?,
                "lenient" => self.lenient = boolean(key, value)?,
                "mode" => self.mode(value)?,
                "encoding" | "charset" => utf8(key, value)?,
                "compression" => compression(value)?,
                DIALECT => {}
                _ => {
                    return Err(Error::UnknownOption {
                        format: "CSV".to_owned(),
                        key: key.clone(),
                        known: CSV_KEYS.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Spark's modes: a bad value is NULL in PERMISSIVE, an error in FAILFAST.
    fn mode(&mut self, value: &str) -> Result<()> {
        match value.to_ascii_uppercase().as_str() {
            "FAILFAST" => self.lenient = false,
            "PERMISSIVE" => self.lenient = true,
            _ => {
                return Err(Error::BadOption {
                    key: "mode".to_owned(),
                    value: value.to_owned(),
                    expected: "PERMISSIVE or FAILFAST",
                });
            }
        }
        Ok(())
    }

    /// The options under their stored names.
    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        let text = |byte: u8| match byte {
            b'\t' => "\\t".to_owned(),
            byte if byte.is_ascii_graphic() || byte == b' ' => (byte as char).to_string(),
            byte => format!("\\x{byte:02x}"),
        };
        let mut map = BTreeMap::from([
            ("has_header".to_owned(), self.has_header.to_string()),
            ("delimiter".to_owned(), text(self.delimiter)),
        ]);
        let mut put = |key: &str, value: String| map.insert(key.to_owned(), value);
        if self.quote != Some(b'"') {
            put("quote", self.quote.map_or("none".to_owned(), text));
        }
        if let Some(escape) = self.escape {
            put("escape", text(escape));
        }
        if let Some(comment) = self.comment {
            put("comment", text(comment));
        }
        if let Some(null) = &self.null_value {
            put("null_value", null.clone());
        }
        for (key, on) in [
            ("newlines_in_values", self.newlines_in_values),
            ("truncated_rows", self.truncated_rows),
            ("lenient", self.lenient),
        ] {
            if on {
                put(key, "true".to_owned());
            }
        }
        map
    }

    /// The options from their stored names.
    ///
    /// # Errors
    /// As [`CsvOptions::apply`].
    pub(crate) fn from_map(map: &BTreeMap<String, String>) -> Result<Self> {
        let mut options = Self::defaults(false, false);
        options.apply(map)?;
        Ok(options)
    }
}

fn utf8(key: &str, value: &str) -> Result<()> {
    match value.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "utf8" | "usascii" | "ascii" => Ok(()),
        _ => Err(Error::BadOption {
            key: key.to_owned(),
            value: value.to_owned(),
            expected: "UTF-8",
        }),
    }
}

/// The suffix of a file's name tells; the option is checked and needs no storing.
fn compression(value: &str) -> Result<()> {
    match value.to_ascii_lowercase().as_str() {
        "gzip" | "gz" | "zstd" | "zst" | "bzip2" | "bz2" | "xz" | "none" | "uncompressed" | "" => {
            Ok(())
        }
        _ => Err(Error::BadOption {
            key: "compression".to_owned(),
            value: value.to_owned(),
            expected: "gzip, zstd, bzip2, xz or none",
        }),
    }
}

/// Options of JSON files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonOptions {
    /// One object a line; else one array of objects a file. None lets the definer look.
    pub(crate) lines: Option<bool>,
}

impl JsonOptions {
    /// Options under any of their names.
    ///
    /// # Errors
    /// [`Error::UnknownOption`], [`Error::BadOption`].
    pub(crate) fn from_map(map: &BTreeMap<String, String>) -> Result<Self> {
        let mut lines = None;
        for (key, value) in map {
            match key.as_str() {
                "newline_delimited" => lines = Some(boolean(key, value)?),
                "multiline" => lines = Some(!boolean(key, value)?),
                "inferschema" | "infer_schema" => {}
                "encoding" | "charset" => utf8(key, value)?,
                "compression" => compression(value)?,
                DIALECT => {}
                _ => {
                    return Err(Error::UnknownOption {
                        format: "JSON".to_owned(),
                        key: key.clone(),
                        known: "newline_delimited, multiLine, encoding".to_owned(),
                    });
                }
            }
        }
        Ok(Self { lines })
    }
}

/// Parquet has no options that change how it is read.
///
/// # Errors
/// [`Error::UnknownOption`].
pub(crate) fn check_parquet(map: &BTreeMap<String, String>) -> Result<()> {
    match map
        .keys()
        .find(|key| !matches!(key.as_str(), DIALECT | "compression" | "mergeschema"))
    {
        None => Ok(()),
        Some(key) => Err(Error::UnknownOption {
            format: "PARQUET".to_owned(),
            key: key.clone(),
            known: "none".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &[(&str, &str)], expected: CsvOptions) {
        let map = options
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let mut found = CsvOptions::defaults(false, false);
        found.apply(&map).unwrap();
        assert_eq!(found, expected);
        assert_eq!(CsvOptions::from_map(&found.to_map()).unwrap(), found);
    }

    #[test]
    fn the_names_of_every_engine_mean_the_same() {
        let expected = CsvOptions {
            has_header: false,
            delimiter: b'\t',
            ..CsvOptions::defaults(false, false)
        };
        check(&[("header", "false"), ("sep", "\\t")], expected.clone());
        check(&[("has_header", "FALSE"), ("delimiter", "\t")], expected);
    }

    #[test]
    fn hives_octal_delimiter_is_read() {
        let expected = CsvOptions {
            delimiter: 1,
            ..CsvOptions::defaults(false, false)
        };
        check(&[("delimiter", "\\001")], expected.clone());
        check(&[("delimiter", "\\u0001")], expected);
    }

    #[test]
    fn an_unknown_option_is_refused_and_the_known_ones_are_named() {
        let map = BTreeMap::from([("headr".to_owned(), "true".to_owned())]);
        let error = CsvOptions::defaults(false, false).apply(&map).unwrap_err();
        assert!(error.to_string().contains("has_header"), "{error}");
    }
}
