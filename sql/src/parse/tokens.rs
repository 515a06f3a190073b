//! What the families of statements share: words, names, strings and options.

use std::collections::BTreeMap;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{StatementParser, syntax};
use crate::{Error, Result};

impl StatementParser<'_> {
    pub(super) fn expected<T>(&self, wanted: &str, found: TokenWithSpan) -> Result<T> {
        let message = match &found.token {
            Token::EOF => format!("expected {wanted}, found the end of the text"),
            token => format!("expected {wanted}, found '{token}'"),
        };
        let position = match found.token {
            Token::EOF => self.text.tokens.last().map(|last| last.span.end),
            _ => Some(found.span.start),
        };
        Err(Error::Syntax {
            position: position.map_or(self.text.position, Into::into),
            message,
        })
    }

    pub(super) fn unsupported<T>(&self, what: &str) -> Result<T> {
        let next = self.parser.peek_token();
        Err(Error::Unsupported {
            what: what.to_owned(),
            position: Some(next.span.start.into()),
        })
    }

    pub(super) fn at_end(&self) -> bool {
        self.parser.peek_token().token == Token::EOF
    }

    pub(super) fn peek_word(&self, word: &str) -> bool {
        is_word(&self.parser.peek_token().token, word)
    }

    pub(super) fn peek_query(&self) -> bool {
        let next = self.parser.peek_token().token;
        next == Token::LParen
            || ["SELECT", "WITH", "VALUES", "FROM"]
                .iter()
                .any(|word| is_word(&next, word))
    }

    pub(super) fn try_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        if found {
            self.parser.next_token();
        }
        found
    }

    /// Consumes all of `words`, or nothing.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let all = words
            .iter()
            .enumerate()
            .all(|(n, word)| is_word(&self.parser.peek_nth_token(n).token, word));
        if all {
            for _ in words {
                self.parser.next_token();
            }
        }
        all
    }

    pub(super) fn word(&mut self, word: &str) -> Result<()> {
        if self.try_word(word) {
            return Ok(());
        }
        let found = self.parser.peek_token();
        self.expected(word, found)
    }

    pub(super) fn token(&mut self, token: &Token) -> Result<()> {
        if self.parser.consume_token(token) {
            return Ok(());
        }
        let found = self.parser.peek_token();
        self.expected(&format!("'{token}'"), found)
    }

    pub(super) fn string(&mut self) -> Result<String> {
        self.parser.parse_literal_string().map_err(syntax)
    }

    /// A name as written. Reserved words may be names where only a name can stand.
    pub(super) fn name(&mut self) -> Result<String> {
        let next = self.parser.next_token();
        match next.token {
            Token::Word(word) => {
                let written = self.text.spellings.get(&next.span.start.into());
                Ok(written.cloned().unwrap_or(word.value))
            }
            _ => self.expected("a name", next),
        }
    }

    pub(super) fn object_name(&mut self) -> Result<ObjectName> {
        let quoted = |part| ObjectNamePart::Identifier(Ident::with_quote('"', part));
        Ok(ObjectName(self.parts()?.into_iter().map(quoted).collect()))
    }

    /// The parts of a qualified name, as written.
    pub(super) fn parts(&mut self) -> Result<Vec<String>> {
        let mut parts = vec![self.name()?];
        while self.parser.consume_token(&Token::Period) {
            parts.push(self.name()?);
        }
        Ok(parts)
    }

    /// `(key value, 'key' = 'value', ..)` with keys of words and dots, or strings; in lower case.
    pub(super) fn options(&mut self) -> Result<BTreeMap<String, String>> {
        let options = self.in_brackets(|parser| {
            let key = parser.setting_key()?.to_lowercase();
            let _equals = parser.parser.consume_token(&Token::Eq);
            Ok((key, parser.setting_value()?))
        })?;
        Ok(options.into_iter().collect())
    }

    /// `(item, ..)`, at least one.
    pub(super) fn in_brackets<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.token(&Token::LParen)?;
        let mut items = vec![item(self)?];
        while self.parser.consume_token(&Token::Comma) {
            items.push(item(self)?);
        }
        self.token(&Token::RParen)?;
        Ok(items)
    }

    /// `a.b.c` or a string.
    pub(super) fn setting_key(&mut self) -> Result<String> {
        let next = self.parser.peek_token();
        if let Token::SingleQuotedString(key) | Token::DoubleQuotedString(key) = &next.token {
            let key = key.clone();
            self.parser.next_token();
            return Ok(key);
        }
        Ok(self.parts()?.join("."))
    }

    /// A string, a number with its sign, or words up to the end of the value.
    pub(super) fn setting_value(&mut self) -> Result<String> {
        let next = self.parser.next_token();
        match next.token {
            Token::SingleQuotedString(value) | Token::DoubleQuotedString(value) => Ok(value),
            Token::Number(value, _) => Ok(self.joined(value)),
            Token::Minus | Token::Plus => {
                let sign = if next.token == Token::Minus { "-" } else { "" };
                Ok(format!("{sign}{}", self.setting_value()?))
            }
            Token::Word(word) => {
                let written = self.text.spellings.get(&next.span.start.into());
                let value = written.cloned().unwrap_or(word.value);
                Ok(self.joined(value))
            }
            _ => self.expected("a value", next),
        }
    }

    /// Values such as `10s`, `64MB` or `Europe/Berlin` are several tokens without a gap.
    fn joined(&mut self, mut value: String) -> String {
        loop {
            let next = self.parser.peek_token();
            let before = self.parser.token_at(self.parser.index().saturating_sub(1));
            let touches = before.span.end == next.span.start;
            match (&next.token, touches) {
                (Token::Word(word), true) if word.quote_style.is_none() => {
                    value.push_str(&word.value)
                }
                (Token::Number(digits, _), true) => value.push_str(digits),
                (Token::Div | Token::Minus | Token::Period | Token::Colon, true) => {
                    value.push_str(&next.token.to_string());
                }
                _ => return value,
            }
            self.parser.next_token();
        }
    }
}

pub(super) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found)
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}
