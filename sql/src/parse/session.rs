//! Statements about the session, and those that name one thing: `USE`, `SET`, `RESET`, `REFRESH`,
//! `UNDROP`, `RESTORE`, `KILL`.

use sqlparser::tokenizer::Token;

use super::{StatementParser, syntax};
use crate::statement::SetStatement;
use crate::{Result, Statement};

impl StatementParser<'_> {
    pub(super) fn use_statement(&mut self) -> Result<Statement> {
        self.word("USE")?;
        let _kind = ["SCHEMA", "DATABASE", "NAMESPACE"]
            .iter()
            .any(|kind| self.try_word(kind));
        Ok(Statement::Use(self.parts()?))
    }

    pub(super) fn set(&mut self) -> Result<Statement> {
        self.word("SET")?;
        let _scope = self.try_word("SESSION") || self.try_word("LOCAL");
        if self.at_end() {
            return Ok(Statement::Set(SetStatement::All));
        }
        if self.words(&["TIME", "ZONE"]) {
            let _assigns = self.parser.consume_token(&Token::Eq) || self.try_word("TO");
            let value = self.setting_value()?;
            return Ok(Statement::Set(SetStatement::Value(
                "timezone".to_owned(),
                value,
            )));
        }
        let key = self.setting_key()?;
        let assigns = self.parser.consume_token(&Token::Eq) || self.try_word("TO");
        if !assigns && self.at_end() {
            return Ok(Statement::Set(SetStatement::Show(key)));
        }
        if !assigns {
            let found = self.parser.peek_token();
            return self.expected("'=' and a value", found);
        }
        Ok(Statement::Set(SetStatement::Value(
            key,
            self.setting_value()?,
        )))
    }

    pub(super) fn reset(&mut self) -> Result<Statement> {
        self.word("RESET")?;
        if self.at_end() || self.try_word("ALL") {
            return Ok(Statement::Reset(None));
        }
        Ok(Statement::Reset(Some(self.setting_key()?)))
    }

    pub(super) fn refresh(&mut self) -> Result<Statement> {
        self.word("REFRESH")?;
        let _table = self.try_word("TABLE");
        Ok(Statement::Refresh(self.object_name()?))
    }

    pub(super) fn undrop(&mut self) -> Result<Statement> {
        self.word("UNDROP")?;
        let _kind = self.try_word("VIEW") || self.try_word("TABLE");
        Ok(Statement::Undrop(self.object_name()?))
    }

    pub(super) fn restore(&mut self) -> Result<Statement> {
        self.word("RESTORE")?;
        let _kind = self.try_word("VIEW") || self.try_word("TABLE");
        let name = self.object_name()?;
        self.word("TO")?;
        let _as_of = self.words(&["VERSION", "AS", "OF"]) || self.try_word("VERSION");
        let version = self.parser.parse_literal_uint().map_err(syntax)?;
        Ok(Statement::Restore(name, version))
    }

    pub(super) fn kill(&mut self) -> Result<Statement> {
        self.word("KILL")?;
        let _query = self.try_word("QUERY");
        let next = self.parser.next_token();
        match next.token {
            Token::SingleQuotedString(id) => Ok(Statement::Kill(id)),
            Token::Number(id, _) => Ok(Statement::Kill(id)),
            _ => self.expected(
                "the id of a query, in quotes (SHOW QUERIES lists them)",
                next,
            ),
        }
    }
}
