//! `CREATE VIEW`.

use std::collections::BTreeMap;

use mica_catalog::SchemaMode;
use sqlparser::tokenizer::Token;

use super::StatementParser;
use super::tokens::is_word;
use crate::statement::{CreateView, ViewColumn};
use crate::{Result, Statement};

impl StatementParser<'_> {
    /// After `CREATE .. VIEW`.
    pub(super) fn create_view(&mut self, or_replace: bool, temporary: bool) -> Result<Statement> {
        let if_not_exists = self.words(&["IF", "NOT", "EXISTS"]);
        let name = self.object_name()?;
        if self.using_follows() {
            let columns = self.optional_table_columns()?;
            return self.table_using(name, or_replace, if_not_exists, true, false, columns);
        }
        let columns = self.view_columns()?;
        let (mut comment, mut properties, mut schema_mode) = (None, BTreeMap::new(), None);
        while !self.try_word("AS") {
            if self.try_word("COMMENT") {
                comment = Some(self.string()?);
            } else if self.try_word("TBLPROPERTIES") {
                properties = self.options()?;
            } else if self.words(&["WITH", "SCHEMA"]) {
                schema_mode = Some(self.schema_mode()?);
            } else {
                let found = self.parser.peek_token();
                return self.expected("AS and a query", found);
            }
        }
        let (text, query) = self.query_with_text()?;
        Ok(Statement::CreateView(CreateView {
            name,
            or_replace,
            if_not_exists,
            temporary,
            columns,
            comment,
            properties,
            schema_mode,
            text,
            query,
        }))
    }

    /// Whether `USING` comes next, or behind a list in parentheses.
    fn using_follows(&self) -> bool {
        let (mut at, mut open) = (0, 0);
        loop {
            let next = self.parser.peek_nth_token(at).token;
            match next {
                Token::LParen => open += 1,
                Token::RParen => open -= 1,
                Token::EOF => return false,
                _ if open == 0 => return is_word(&next, "USING"),
                _ => {}
            }
            at += 1;
        }
    }

    fn view_columns(&mut self) -> Result<Vec<ViewColumn>> {
        if self.parser.peek_token().token != Token::LParen {
            return Ok(Vec::new());
        }
        self.in_brackets(|parser| {
            let name = parser.name()?;
            let comment = match parser.try_word("COMMENT") {
                true => Some(parser.string()?),
                false => None,
            };
            Ok(ViewColumn { name, comment })
        })
    }

    /// After `WITH SCHEMA`.
    pub(super) fn schema_mode(&mut self) -> Result<SchemaMode> {
        let next = self.parser.peek_token();
        let mut word = self.name()?;
        if word.eq_ignore_ascii_case("TYPE") {
            word = format!("{word} {}", self.name()?);
        }
        match SchemaMode::parse(&word) {
            Some(mode) => Ok(mode),
            None => self.expected("BINDING, COMPENSATION, TYPE EVOLUTION or EVOLUTION", next),
        }
    }
}
