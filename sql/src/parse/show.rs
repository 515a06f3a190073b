//! `SHOW`.

use sqlparser::ast::ObjectName;
use sqlparser::tokenizer::Token;

use super::StatementParser;
use crate::statement::Show;
use crate::{Result, Statement};

impl StatementParser<'_> {
    pub(super) fn show(&mut self) -> Result<Statement> {
        self.word("SHOW")?;
        let show = if self.try_word("CATALOGS") {
            Show::Catalogs
        } else if self.try_word("SCHEMAS") || self.try_word("DATABASES") {
            Show::Schemas(self.pattern()?)
        } else if self.try_word("TABLES") {
            self.relations(false)?
        } else if self.try_word("VIEWS") {
            self.relations(true)?
        } else if self.try_word("COLUMNS") {
            self.columns()?
        } else if self.words(&["CREATE", "TABLE"]) || self.words(&["CREATE", "VIEW"]) {
            Show::Create(self.object_name()?)
        } else if self.try_word("TBLPROPERTIES") {
            self.properties()?
        } else if self.try_word("FUNCTIONS") {
            Show::Functions(self.pattern()?)
        } else if self.try_word("HISTORY") {
            let _of = self.try_word("OF") || self.try_word("FOR");
            let _kind = self.try_word("VIEW") || self.try_word("TABLE");
            Show::History(self.object_name()?)
        } else if self.try_word("QUERIES") {
            Show::Queries
        } else if self.try_word("ALL") || self.at_end() {
            Show::Setting(None)
        } else if self.words(&["TIME", "ZONE"]) {
            Show::Setting(Some("timezone".to_owned()))
        } else if ["PARTITIONS", "GRANTS", "INDEXES", "LOCKS", "ROLES", "TABLE"]
            .iter()
            .any(|word| self.peek_word(word))
        {
            return self.unsupported("this SHOW statement");
        } else {
            Show::Setting(Some(self.setting_key()?))
        };
        Ok(Statement::Show(show))
    }

    /// `[LIKE] 'pattern'`, if there is one.
    fn pattern(&mut self) -> Result<Option<String>> {
        let like = self.try_word("LIKE");
        let string = matches!(
            self.parser.peek_token().token,
            Token::SingleQuotedString(_) | Token::DoubleQuotedString(_)
        );
        match like || string {
            true => self.string().map(Some),
            false => Ok(None),
        }
    }

    fn relations(&mut self, views: bool) -> Result<Show> {
        let schema = match self.try_word("IN") || self.try_word("FROM") {
            true => Some(self.parts()?),
            false => None,
        };
        Ok(Show::Relations {
            views,
            schema,
            pattern: self.pattern()?,
        })
    }

    fn columns(&mut self) -> Result<Show> {
        if !self.try_word("IN") {
            self.word("FROM")?;
        }
        let mut relation: ObjectName = self.object_name()?;
        // MySQL's and Spark's `SHOW COLUMNS IN t IN s`.
        if self.try_word("IN") || self.try_word("FROM") {
            let mut schema = self.object_name()?;
            schema.0.append(&mut relation.0);
            relation = schema;
        }
        Ok(Show::Columns {
            relation,
            pattern: self.pattern()?,
        })
    }

    fn properties(&mut self) -> Result<Show> {
        let relation = self.object_name()?;
        let mut key = None;
        if self.parser.consume_token(&Token::LParen) {
            key = Some(self.setting_key()?);
            self.token(&Token::RParen)?;
        }
        Ok(Show::Properties(relation, key))
    }
}
