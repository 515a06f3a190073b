//! `ALTER` and `COMMENT ON`.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use sqlparser::tokenizer::Token;

use super::{StatementParser, upkeep};
use crate::statement::{AddConstraint, Alter, AlterAction, Comment, CommentTarget, NewKey};
use crate::{Result, Statement};

impl StatementParser<'_> {
    pub(super) fn alter(&mut self) -> Result<Statement> {
        self.word("ALTER")?;
        let view = self.try_word("VIEW");
        if !view && !self.try_word("TABLE") {
            return self.unsupported("ALTER of anything but a view or a table");
        }
        let if_exists = self.words(&["IF", "EXISTS"]);
        let name = self.object_name()?;
        if self.words(&["RECOVER", "PARTITIONS"]) {
            let what = "ALTER TABLE .. RECOVER PARTITIONS";
            return Ok(upkeep::upkeep(what, Some(name), if_exists));
        }
        let action = self.alter_action(view)?;
        Ok(Statement::Alter(Alter {
            view,
            if_exists,
            name,
            action,
        }))
    }

    fn alter_action(&mut self, view: bool) -> Result<AlterAction> {
        if view && self.try_word("AS") {
            let (text, query) = self.query_with_text()?;
            return Ok(AlterAction::As { text, query });
        }
        if self.words(&["RENAME", "TO"]) {
            return Ok(AlterAction::Rename(self.object_name()?));
        }
        if self.words(&["SET", "TBLPROPERTIES"]) {
            return Ok(AlterAction::SetProperties(self.options()?));
        }
        if self.words(&["UNSET", "TBLPROPERTIES"]) {
            return self.unset_properties();
        }
        if self.words(&["SET", "OWNER", "TO"]) || self.words(&["OWNER", "TO"]) {
            return Ok(AlterAction::Owner(self.name()?));
        }
        if view && self.words(&["WITH", "SCHEMA"]) {
            return Ok(AlterAction::SchemaMode(self.schema_mode()?));
        }
        if self.try_word("ADD") {
            return self.add_constraint();
        }
        if self.words(&["DROP", "PRIMARY", "KEY"]) {
            return Ok(AlterAction::DropConstraint {
                if_exists: false,
                name: None,
            });
        }
        if self.words(&["DROP", "CONSTRAINT"]) {
            return Ok(AlterAction::DropConstraint {
                if_exists: self.words(&["IF", "EXISTS"]),
                name: Some(self.name()?),
            });
        }
        self.no_action()
    }

    /// The error for what comes instead of an action.
    fn no_action<T>(&self) -> Result<T> {
        const KNOWN: [&str; 7] = [
            "DROP",
            "CHANGE",
            "ALTER",
            "REPLACE",
            "PARTITION",
            "RECOVER",
            "SET",
        ];
        if let Some(known) = KNOWN.iter().find(|known| self.peek_word(known)) {
            return self.unsupported(&format!("ALTER .. {known}"));
        }
        let wanted = "AS, RENAME TO, SET TBLPROPERTIES, UNSET TBLPROPERTIES, OWNER TO, \
                      ADD CONSTRAINT or DROP CONSTRAINT";
        self.expected(wanted, self.parser.peek_token())
    }

    fn add_constraint(&mut self) -> Result<AlterAction> {
        let name = match self.try_word("CONSTRAINT") {
            true => Some(self.name()?),
            false => None,
        };
        let (columns, key) = if self.words(&["PRIMARY", "KEY"]) {
            (self.in_brackets(Self::name)?, NewKey::Primary)
        } else if self.words(&["FOREIGN", "KEY"]) {
            let columns = self.in_brackets(Self::name)?;
            self.word("REFERENCES")?;
            let relation = self.object_name()?;
            let referenced = match self.parser.peek_token().token == Token::LParen {
                true => self.in_brackets(Self::name)?,
                false => Vec::new(),
            };
            let key = NewKey::Foreign {
                relation,
                columns: referenced,
            };
            (columns, key)
        } else {
            return self.unsupported("ALTER .. ADD of anything but a PRIMARY KEY or FOREIGN KEY");
        };
        // Hive's way to say the same.
        if !self.words(&["NOT", "ENFORCED"]) && !self.words(&["DISABLE", "NOVALIDATE"]) {
            return self.unsupported("a key that is enforced (write NOT ENFORCED behind it)");
        }
        let _relied_on = self.try_word("RELY") || self.try_word("NORELY");
        Ok(AlterAction::AddConstraint(AddConstraint {
            name,
            columns,
            key,
        }))
    }

    fn unset_properties(&mut self) -> Result<AlterAction> {
        let if_exists = self.words(&["IF", "EXISTS"]);
        // In lower case, as `options` reads the keys that are set.
        let keys = self.in_brackets(|parser| Ok(parser.setting_key()?.to_lowercase()))?;
        Ok(AlterAction::UnsetProperties { if_exists, keys })
    }

    pub(super) fn comment(&mut self) -> Result<Statement> {
        self.word("COMMENT")?;
        self.word("ON")?;
        let target = if self.try_word("COLUMN") {
            self.column_target()?
        } else if self.try_word("SCHEMA") || self.try_word("DATABASE") {
            CommentTarget::Schema(self.parts()?)
        } else {
            // `COMMENT ON x IS` without the word is in users' files; it can only be a relation.
            let _kind = self.try_word("VIEW") || self.try_word("TABLE");
            CommentTarget::Relation(self.object_name()?)
        };
        self.word("IS")?;
        let comment = match self.try_word("NULL") {
            true => None,
            false => Some(self.string()?),
        };
        Ok(Statement::Comment(Comment { target, comment }))
    }

    fn column_target(&mut self) -> Result<CommentTarget> {
        let at = self.parser.peek_token();
        let mut parts = self.parts()?;
        let column = parts.pop().unwrap_or_default();
        if parts.is_empty() {
            return self.expected("relation.column", at);
        }
        let quoted = |part| ObjectNamePart::Identifier(Ident::with_quote('"', part));
        let relation = ObjectName(parts.into_iter().map(quoted).collect());
        Ok(CommentTarget::Column(relation, column))
    }
}
