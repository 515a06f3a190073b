//! What other engines have to be told and Mica does not: `CACHE TABLE`, `ANALYZE TABLE`, `MSCK`, ..
//! Scripts hold them, and go on.

use sqlparser::ast::ObjectName;
use sqlparser::tokenizer::Token;

use super::StatementParser;
use crate::statement::{CreateView, Upkeep};
use crate::{Result, Statement};

impl StatementParser<'_> {
    /// `CACHE [LAZY] TABLE name [OPTIONS (..)] [[AS] query]`: with a query, Spark makes a temporary
    /// view.
    pub(super) fn cache(&mut self) -> Result<Statement> {
        self.word("CACHE")?;
        let _lazy = self.try_word("LAZY");
        self.word("TABLE")?;
        let name = self.object_name()?;
        if self.try_word("OPTIONS") {
            self.options()?;
        }
        if self.at_end() {
            return Ok(upkeep("CACHE TABLE", Some(name), false));
        }
        let _as = self.try_word("AS");
        let (text, query) = self.query_with_text()?;
        Ok(Statement::CreateView(CreateView {
            name,
            or_replace: false,
            if_not_exists: false,
            temporary: true,
            columns: Vec::new(),
            comment: None,
            properties: Default::default(),
            schema_mode: None,
            text,
            query,
        }))
    }

    pub(super) fn uncache(&mut self) -> Result<Statement> {
        self.word("UNCACHE")?;
        self.word("TABLE")?;
        let if_exists = self.words(&["IF", "EXISTS"]);
        let name = self.object_name()?;
        Ok(upkeep("UNCACHE TABLE", Some(name), if_exists))
    }

    pub(super) fn clear_cache(&mut self) -> Result<Statement> {
        self.word("CLEAR")?;
        self.word("CACHE")?;
        Ok(upkeep("CLEAR CACHE", None, false))
    }

    /// `ANALYZE TABLE name ..`, `ANALYZE TABLES ..`, and PostgreSQL's `ANALYZE [name]`.
    pub(super) fn analyze(&mut self) -> Result<Statement> {
        self.word("ANALYZE")?;
        let _verbose = self.try_word("VERBOSE");
        if self.try_word("TABLES") || self.at_end() {
            self.skip_rest();
            return Ok(upkeep("ANALYZE", None, false));
        }
        let _table = self.try_word("TABLE");
        let name = self.object_name()?;
        self.skip_rest();
        Ok(upkeep("ANALYZE TABLE", Some(name), false))
    }

    /// `MSCK [REPAIR] TABLE name [{ADD|DROP|SYNC} PARTITIONS]`.
    pub(super) fn msck(&mut self) -> Result<Statement> {
        self.word("MSCK")?;
        let _repair = self.try_word("REPAIR");
        self.word("TABLE")?;
        let name = self.object_name()?;
        if !self.at_end() {
            let _how = ["ADD", "DROP", "SYNC"].iter().any(|how| self.try_word(how));
            self.word("PARTITIONS")?;
        }
        Ok(upkeep("MSCK REPAIR TABLE", Some(name), false))
    }

    fn skip_rest(&mut self) {
        while self.parser.peek_token().token != Token::EOF {
            self.parser.next_token();
        }
    }
}

pub(super) fn upkeep(
    what: &'static str,
    relation: Option<ObjectName>,
    if_exists: bool,
) -> Statement {
    Statement::Upkeep(Upkeep {
        what,
        relation,
        if_exists,
    })
}
