//! Statements from tokens.
//!
//! Queries are sqlparser's. The heads of our statements are parsed here on top of its [`Parser`],
//! one file per family, as DataFusion's `DFParser` does: sqlparser lacks some of them and ignores
//! parts of others.

mod alter;
mod create_table;
mod create_view;
mod distinct;
mod session;
mod show;
mod table_query;
mod tokens;
mod upkeep;

use std::collections::BTreeMap;

use sqlparser::ast::Query;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::statement::{CreateSchema, Describe, Drop, DropBehavior, DropKind, Explain};
use crate::{Dialect, Error, Position, Result, Statement, StatementText, depth, reject};

/// How a message calls what follows the last token.
const END_OF_TEXT: &str = "the end of the text";

/// A statement with what its text says besides.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// Its text.
    pub text: StatementText,
    /// The dialect that it was read in.
    pub dialect: Dialect,
}

/// Reads one statement.
///
/// # Errors
/// [`Error::Syntax`] with line and column; [`Error::Unsupported`] for what is valid SQL that this
/// Mica does not run, clauses that DataFusion would ignore included.
pub fn parse(text: StatementText, dialect: Dialect) -> Result<Parsed> {
    let mut tokens = words_as_names(&text.tokens);
    table_query::spell_out(&mut tokens);
    let distinct = distinct::to_operators(&mut tokens);
    let sqlparser = Parser::new(dialect.grammar())
        .with_tokens_with_locations(tokens)
        .with_recursion_limit(depth::TEXT_DEPTH_MAX);
    let read = || whole(sqlparser, &text, dialect).map_err(|error| at_end(error, &text));
    let mut statement = depth::limited(&text, read)?;
    if let Some(query) = reject::query_of_mut(&mut statement).filter(|_| distinct) {
        distinct::to_words(query);
    }
    reject::check(&statement, dialect)?;
    Ok(Parsed {
        statement,
        text,
        dialect,
    })
}

fn whole(parser: Parser<'static>, text: &StatementText, dialect: Dialect) -> Result<Statement> {
    let mut parser = StatementParser {
        parser,
        text,
        dialect,
    };
    let statement = parser.statement()?;
    let next = parser.parser.peek_token();
    if next.token != Token::EOF {
        return parser.expected("the end of the statement", next);
    }
    Ok(statement)
}

/// sqlparser gives no position to what is missing at the end of the text.
fn at_end(error: Error, text: &StatementText) -> Error {
    match (error, text.tokens.last()) {
        (Error::Syntax { message, .. }, Some(last)) if message.ends_with(END_OF_TEXT) => {
            let position = last.span.end.into();
            Error::Syntax { position, message }
        }
        (error, _) => error,
    }
}

/// The tokens with the bare word `user` as a name: sqlparser takes it for PostgreSQL's function
/// without parentheses, and then neither a column `user` nor its fields could be read. `top` is one,
/// too, unless a number follows.
fn words_as_names(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut named = tokens.to_vec();
    for (at, token) in named.iter_mut().enumerate() {
        let next = tokens.get(at + 1).map(|next| &next.token);
        if let Token::Word(word) = &mut token.token {
            let is_name = match word.keyword {
                Keyword::USER => true,
                Keyword::TOP => !matches!(next, Some(Token::Number(..) | Token::LParen)),
                _ => false,
            };
            if is_name {
                word.keyword = Keyword::NoKeyword;
            }
        }
    }
    named
}

/// Reads the query of a stored view.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_query(text: StatementText, dialect: Dialect) -> Result<(Query, StatementText)> {
    match parse(text, dialect)? {
        Parsed {
            statement: Statement::Query(query),
            text,
            ..
        } => Ok((*query, text)),
        _ => Err(Error::invalid("the definition of a view must be a query")),
    }
}

/// A parser of statement heads.
pub(crate) struct StatementParser<'a> {
    parser: Parser<'static>,
    text: &'a StatementText,
    dialect: Dialect,
}

/// sqlparser's error, with its position out of the message.
fn syntax(error: ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => return depth::nests_too_deep(),
    };
    let (message, at) = match message.rsplit_once(" at Line: ") {
        Some((message, at)) => (message.to_owned(), Some(at.to_owned())),
        None => (message, None),
    };
    let position = at.and_then(|at| {
        let (line, column) = at.split_once(", Column: ")?;
        Some(Position {
            line: line.parse().ok()?,
            column: column.parse().ok()?,
        })
    });
    let message = message.replace("EOF", END_OF_TEXT);
    match position {
        Some(position) => Error::Syntax { position, message },
        None => Error::Syntax {
            position: Position { line: 1, column: 1 },
            message,
        },
    }
}

impl StatementParser<'_> {
    fn statement(&mut self) -> Result<Statement> {
        let first = self.parser.peek_token();
        let Token::Word(word) = &first.token else {
            return self.query_statement();
        };
        if word.quote_style.is_some() {
            return self.expected("a statement", first);
        }
        match word.value.to_ascii_uppercase().as_str() {
            "CREATE" => self.create(),
            "DROP" => self.drop_statement(),
            "ALTER" => self.alter(),
            "COMMENT" => self.comment(),
            "SHOW" => self.show(),
            "USE" => self.use_statement(),
            "DESCRIBE" | "DESC" => self.describe(),
            "EXPLAIN" => self.explain(),
            "SET" => self.set(),
            "RESET" => self.reset(),
            "REFRESH" => self.refresh(),
            "UNDROP" => self.undrop(),
            "RESTORE" => self.restore(),
            "KILL" => self.kill(),
            "CACHE" => self.cache(),
            "UNCACHE" => self.uncache(),
            "CLEAR" => self.clear_cache(),
            "ANALYZE" => self.analyze(),
            "MSCK" => self.msck(),
            "SELECT" | "WITH" | "VALUES" | "TABLE" | "FROM" => self.query_statement(),
            other => self.not_ours(other, &first),
        }
    }

    /// Statements that other engines know: named, so that nobody looks for a typing error.
    fn not_ours<T>(&self, word: &str, first: &TokenWithSpan) -> Result<T> {
        const KNOWN: [&str; 15] = [
            "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "COPY", "LOAD", "GRANT", "REVOKE",
            "BEGIN", "START", "COMMIT", "ROLLBACK", "CALL", "OPTIMIZE",
        ];
        if KNOWN.contains(&word) {
            return Err(Error::Unsupported {
                what: format!("the statement {word}"),
                position: Some(first.span.start.into()),
            });
        }
        self.expected("a statement", first.clone())
    }

    fn query_statement(&mut self) -> Result<Statement> {
        Ok(Statement::Query(self.query()?))
    }

    fn query(&mut self) -> Result<Box<Query>> {
        self.parser.parse_query().map_err(syntax)
    }

    /// A query, with its text.
    fn query_with_text(&mut self) -> Result<(String, Box<Query>)> {
        let text = self.text.text_from(self.parser.index()).to_owned();
        Ok((text, self.query()?))
    }

    fn create(&mut self) -> Result<Statement> {
        self.word("CREATE")?;
        let or_replace = self.words(&["OR", "REPLACE"]);
        let global = self.try_word("GLOBAL");
        let _local = self.try_word("LOCAL");
        let temporary = self.try_word("TEMPORARY") || self.try_word("TEMP");
        if global {
            return self.unsupported("a global temporary view");
        }
        let external = self.try_word("EXTERNAL");
        if self.try_word("UNBOUNDED") {
            return self.unsupported("an unbounded table");
        }
        if self.try_word("VIEW") && !external {
            return self.create_view(or_replace, temporary);
        }
        if self.try_word("TABLE") {
            return self.create_table(or_replace, temporary, external);
        }
        if !or_replace && !temporary && (self.try_word("SCHEMA") || self.try_word("DATABASE")) {
            return self.create_schema();
        }
        for known in [
            "FUNCTION",
            "INDEX",
            "MATERIALIZED",
            "ROLE",
            "USER",
            "SEQUENCE",
            "CATALOG",
        ] {
            if self.peek_word(known) {
                return self.unsupported(&format!("CREATE {known}"));
            }
        }
        let found = self.parser.peek_token();
        self.expected("VIEW, EXTERNAL TABLE, TABLE, SCHEMA or DATABASE", found)
    }

    fn create_schema(&mut self) -> Result<Statement> {
        let if_not_exists = self.words(&["IF", "NOT", "EXISTS"]);
        let name = self.parts()?;
        let (mut comment, mut properties) = (None, BTreeMap::new());
        loop {
            if self.try_word("COMMENT") {
                comment = Some(self.string()?);
            } else if self.words(&["WITH", "DBPROPERTIES"]) {
                properties = self.options()?;
            } else if self.peek_word("LOCATION") || self.peek_word("MANAGED") {
                return self.unsupported("a location of a schema");
            } else {
                break;
            }
        }
        Ok(Statement::CreateSchema(CreateSchema {
            name,
            if_not_exists,
            comment,
            properties,
        }))
    }

    fn drop_statement(&mut self) -> Result<Statement> {
        self.word("DROP")?;
        let _temporary = self.try_word("TEMPORARY") || self.try_word("TEMP");
        let kind = if self.try_word("VIEW") {
            DropKind::View
        } else if self.words(&["EXTERNAL", "TABLE"]) || self.try_word("TABLE") {
            DropKind::Table
        } else if self.try_word("SCHEMA") || self.try_word("DATABASE") {
            DropKind::Schema
        } else {
            let found = self.parser.peek_token();
            return self.expected("VIEW, TABLE, SCHEMA or DATABASE", found);
        };
        let if_exists = self.words(&["IF", "EXISTS"]);
        let mut names = vec![self.object_name()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.object_name()?);
        }
        let behavior = if self.try_word("CASCADE") {
            Some(DropBehavior::Cascade)
        } else if self.try_word("RESTRICT") {
            Some(DropBehavior::Restrict)
        } else {
            None
        };
        let _purge = self.try_word("PURGE");
        Ok(Statement::Drop(Drop {
            kind,
            if_exists,
            names,
            behavior,
        }))
    }

    fn describe(&mut self) -> Result<Statement> {
        self.parser.next_token();
        if self.peek_query() {
            return Ok(Statement::Describe(Describe::Query(self.query()?)));
        }
        if self.try_word("QUERY") {
            return Ok(Statement::Describe(Describe::Query(self.query()?)));
        }
        let schema = self.try_word("SCHEMA") || self.try_word("DATABASE");
        let _table = self.try_word("TABLE") || self.try_word("VIEW");
        let extended = self.try_word("EXTENDED") || self.try_word("FORMATTED");
        if schema {
            return Ok(Statement::Describe(Describe::Schema(self.parts()?)));
        }
        let name = self.object_name()?;
        Ok(Statement::Describe(Describe::Relation { name, extended }))
    }

    fn explain(&mut self) -> Result<Statement> {
        self.word("EXPLAIN")?;
        let (mut analyze, mut verbose, mut format) = (false, false, None);
        loop {
            if self.try_word("ANALYZE") {
                analyze = true;
            } else if self.try_word("VERBOSE") || self.try_word("EXTENDED") {
                verbose = true;
            } else if self.try_word("FORMATTED") {
                format = Some("tree".to_owned());
            } else if self.try_word("FORMAT") {
                format = Some(self.name()?);
            } else {
                break;
            }
        }
        if !self.peek_query() {
            return self.unsupported("EXPLAIN of anything but a query");
        }
        Ok(Statement::Explain(Explain {
            analyze,
            verbose,
            format,
            query: self.query()?,
        }))
    }
}
