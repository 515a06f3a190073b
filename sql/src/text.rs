//! Text to tokens: statements, positions, folding, parameters.
//!
//! ```text
//! "SELECT \"Id\" FROM t WHERE n = ?; SELECT 2"
//!    -> tokens -> statements at `;` -> quoted identifiers folded, `?` numbered
//! ```
//!
//! Splitting works on tokens, so `;` and `--` inside strings, identifiers and comments are not
//! seen. Planning compares folded names; the written spelling of a quoted identifier is kept by its
//! position for the result's column names.

use std::collections::HashMap;
use std::fmt;

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::{Dialect, Error, Result, escapes, suffixes};

/// A place in a text, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The character in the line.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl From<Location> for Position {
    fn from(location: Location) -> Self {
        Self {
            line: location.line,
            column: location.column,
        }
    }
}

/// One statement of a script, as tokens.
#[derive(Clone, Debug)]
pub struct StatementText {
    /// The statement as written, without the `;`.
    pub text: String,
    /// Where it starts in the script.
    pub position: Position,
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// Written spelling of quoted identifiers that fold to something else.
    pub(crate) spellings: HashMap<Position, String>,
    /// Number of parameters.
    pub(crate) parameters: usize,
    /// Byte offset in the script of each token, and where the statement ends.
    offsets: Vec<usize>,
    start: usize,
}

impl StatementText {
    /// The text behind as many blank lines and columns as stood before it in its script.
    pub fn placed(&self) -> String {
        let Position { line, column } = self.position;
        let before = "\n".repeat(line as usize - 1) + &" ".repeat(column as usize - 1);
        before + &self.text
    }

    /// What follows the statement in its script, with blanks for all before it, so that places stay
    /// what they are. To read on in another dialect.
    pub fn rest_of(&self, script: &str) -> String {
        let (read, rest) = script.split_at(self.start + self.text.len());
        let blank = |ch| if ch == '\n' { '\n' } else { ' ' };
        read.chars().map(blank).chain(rest.chars()).collect()
    }

    /// The text from the token at `index` to the end of the statement.
    pub(crate) fn text_from(&self, index: usize) -> &str {
        let offset = self.offsets.get(index).copied().unwrap_or(self.start);
        self.text[offset - self.start..].trim_end()
    }
}

/// The statements of a script; empty ones are skipped.
///
/// # Errors
/// [`Error::Syntax`] for text that is not even tokens: an open string, quote or comment.
pub fn split(script: &str, dialect: Dialect) -> Result<Vec<StatementText>> {
    match split_readable(script, dialect) {
        (statements, None) => Ok(statements),
        (_, Some(error)) => Err(error),
    }
}

/// The whole statements of a script before the first place that is not even tokens, and the error
/// of that place. Behind a `SET dialect` it may be right: read on with [`StatementText::rest_of`].
pub fn split_readable(script: &str, dialect: Dialect) -> (Vec<StatementText>, Option<Error>) {
    let (tokens, error) = tokenize(script, dialect);
    let mut cursor = Cursor::new(script);
    let mut statements = Vec::new();
    let mut current: Vec<(TokenWithSpan, usize)> = Vec::new();
    for token in tokens {
        let offset = cursor.offset(token.span.start);
        if token.token == Token::SemiColon {
            let whole = std::mem::take(&mut current);
            statements.extend(statement(&script[..offset], whole, dialect));
        } else {
            current.push((token, offset));
        }
    }
    if error.is_none() {
        statements.extend(statement(script, current, dialect));
    }
    (statements, error)
}

/// The one statement of `text`.
///
/// # Errors
/// [`Error::Empty`], [`Error::SeveralStatements`], and what [`split`] says.
pub fn one(text: &str, dialect: Dialect) -> Result<StatementText> {
    let mut statements = split(text, dialect)?;
    match statements.len() {
        1 => Ok(statements.remove(0)),
        0 => Err(Error::Empty),
        found => Err(Error::SeveralStatements { found }),
    }
}

/// Whether `text` ends inside a string, a quoted identifier or a comment, so that a shell should
/// read on.
pub fn is_open(text: &str, dialect: Dialect) -> bool {
    match tokenize(text, dialect) {
        (_, Some(Error::Syntax { message, .. })) => {
            message.contains("Unterminated") || message.contains("Unexpected EOF")
        }
        _ => false,
    }
}

/// All tokens, or those before an error.
fn tokenize(text: &str, dialect: Dialect) -> (Vec<TokenWithSpan>, Option<Error>) {
    let unescape = dialect != Dialect::Spark;
    let mut tokens = Vec::new();
    let outcome = Tokenizer::new(dialect.grammar(), text)
        .with_unescape(unescape)
        .tokenize_with_location_into_buf(&mut tokens);
    let error = outcome.err().map(|error| Error::Syntax {
        position: error.location.into(),
        message: error.message,
    });
    (tokens, error)
}

/// The statement whose tokens, with their offsets, end with `script`.
fn statement(
    script: &str,
    mut tokens: Vec<(TokenWithSpan, usize)>,
    dialect: Dialect,
) -> Option<StatementText> {
    tokens.retain(|(token, _)| !is_blank(&token.token));
    tokens = escapes::without_escapes(tokens);
    if dialect == Dialect::Ansi {
        tokens = escapes::without_brackets(tokens);
    }
    if dialect == Dialect::Spark {
        tokens = suffixes::typed_numbers(tokens);
    }
    let start = tokens.first()?.1;
    let (mut tokens, offsets): (Vec<_>, Vec<_>) = tokens.into_iter().unzip();
    let first = tokens.first()?.span.start;
    let (mut spellings, mut parameters) = (HashMap::new(), 0);
    for token in &mut tokens {
        prepare(token, dialect, &mut spellings, &mut parameters);
    }
    Some(StatementText {
        text: script[start..].trim_end().to_owned(),
        position: first.into(),
        tokens,
        spellings,
        parameters,
        offsets,
        start,
    })
}

/// Hints (`/*+ .. */`) are comments to us, as to every engine that does not know them.
fn is_blank(token: &Token) -> bool {
    matches!(
        token,
        Token::Whitespace(
            Whitespace::Space
                | Whitespace::Newline
                | Whitespace::Tab
                | Whitespace::SingleLineComment { .. }
                | Whitespace::MultiLineComment(_)
        )
    )
}

fn prepare(
    token: &mut TokenWithSpan,
    dialect: Dialect,
    spellings: &mut HashMap<Position, String>,
    parameters: &mut usize,
) {
    // The tokenizer leaves Spark's texts as they are written, for the sake of its strings.
    if let Token::Word(word) = &mut token.token
        && dialect == Dialect::Spark
        && word.value.contains("``")
    {
        word.value = word.value.replace("``", "`");
    }
    match &mut token.token {
        // Unquoted ASCII words are folded when they are planned.
        Token::Word(word) if word.quote_style.is_some() || !word.value.is_ascii() => {
            let folded = mica_catalog::fold(&word.value);
            if folded != word.value {
                let written = std::mem::replace(&mut word.value, folded);
                spellings.insert(token.span.start.into(), written);
            }
        }
        Token::Placeholder(name) if name == "?" => {
            *parameters += 1;
            *name = format!("${parameters}");
        }
        Token::Placeholder(name) => {
            let number = name.strip_prefix('$').and_then(|n| n.parse().ok());
            *parameters = (*parameters).max(number.unwrap_or(0));
        }
        Token::SingleQuotedString(raw) if dialect == Dialect::Spark => {
            token.token = Token::SingleQuotedString(spark_string(raw, '\''));
        }
        Token::DoubleQuotedString(raw) if dialect == Dialect::Spark => {
            token.token = Token::SingleQuotedString(spark_string(raw, '"'));
        }
        _ => {}
    }
}

/// The value of a Spark string literal, from what stands between its outer `quote`s. Neighbouring
/// literals are joined, so a doubled one of these vanishes; backslash escapes are C's, with `\uXXXX`, and
/// `\%` and `\_` keep their backslash for LIKE.
fn spark_string(raw: &str, quote: char) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            ch if ch == quote && chars.peek() == Some(&quote) => {
                chars.next();
            }
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('b') => value.push('\u{8}'),
                Some('0') => value.push('\0'),
                Some('Z') => value.push('\u{1a}'),
                Some('u') => push_unicode(&mut chars, &mut value),
                Some(like @ ('%' | '_')) => value.extend(['\\', like]),
                Some(other) => value.push(other),
                None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    value
}

fn push_unicode(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, value: &mut String) {
    let digits: String = chars.clone().take(4).collect();
    let code = u32::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| digits.len() == 4);
    match code.and_then(char::from_u32) {
        Some(ch) => {
            chars.nth(3);
            value.push(ch);
        }
        None => value.push('u'),
    }
}

/// Goes through a text once, from location to byte offset: the tokenizer counts lines and
/// characters from one.
struct Cursor<'a> {
    rest: std::str::CharIndices<'a>,
    at: Location,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.char_indices(),
            at: Location::new(1, 1),
        }
    }

    /// The offset of `location`, which is not before the one asked for last.
    fn offset(&mut self, location: Location) -> usize {
        while self.at < location {
            match self.rest.next() {
                Some((_, '\n')) => self.at = Location::new(self.at.line + 1, 1),
                Some(_) => self.at.column += 1,
                None => break,
            }
        }
        self.rest.offset()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_split(script: &str, dialect: Dialect, expected: &[&str]) {
        let statements = split(script, dialect).unwrap();
        let texts: Vec<&str> = statements.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn semicolons_in_strings_comments_and_identifiers_do_not_split() {
        let script = "SELECT ';--' -- a;b\n, \"x;y\" /* ; */ ; ;\nSELECT 2";
        let first = "SELECT ';--' -- a;b\n, \"x;y\" /* ; */";
        check_split(script, Dialect::Ansi, &[first, "SELECT 2"]);
    }

    #[test]
    fn a_comment_of_many_lines_is_one_statement() {
        let script = "COMMENT ON VIEW v IS 'one;\n-- two\nthree';\nSELECT `a;b`;";
        let first = "COMMENT ON VIEW v IS 'one;\n-- two\nthree'";
        check_split(script, Dialect::Spark, &[first, "SELECT `a;b`"]);
    }

    #[test]
    fn backslash_escapes_a_quote_in_spark_only() {
        check_split(
            r"SELECT 'it\'s;'; SELECT 1",
            Dialect::Spark,
            &[r"SELECT 'it\'s;'", "SELECT 1"],
        );
        check_split(
            r"SELECT 'it\'; SELECT 1",
            Dialect::Ansi,
            &[r"SELECT 'it\'", "SELECT 1"],
        );
    }

    #[test]
    fn an_open_string_asks_for_more() {
        assert!(is_open("SELECT 'a\n", Dialect::Ansi));
        assert!(is_open("SELECT /* a", Dialect::Ansi));
        assert!(!is_open("SELECT 'a'", Dialect::Ansi));
    }

    #[test]
    fn question_marks_are_numbered_outside_strings() {
        let statement = one("SELECT ?, '?', ? -- ?", Dialect::Ansi).unwrap();
        assert_eq!(statement.parameters, 2);
        let names: Vec<String> = statement
            .tokens
            .iter()
            .filter(|t| matches!(t.token, Token::Placeholder(_)))
            .map(|t| t.token.to_string())
            .collect();
        assert_eq!(names, ["$1", "$2"]);
    }

    #[test]
    fn spark_strings_join_and_unescape() {
        for (raw, quote, expected) in [
            ("it''s", '\'', "its"),
            ("it''s", '"', "it''s"),
            (r#"{"a":""}"#, '\'', r#"{"a":""}"#),
            (r"it\'s", '\'', "it's"),
            (r"\\d+", '\'', r"\d+"),
            (r"a\tb\u0041", '\'', "a\tbA"),
            (r"10\%", '\'', r"10\%"),
        ] {
            assert_eq!(spark_string(raw, quote), expected);
        }
    }
}
