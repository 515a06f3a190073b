//! How deep a statement's text may nest.
//!
//! Trees are read, planned, optimised and dropped by recursion, here and in DataFusion: a tree
//! without a bound is a stack without a bound, and the end of the process. Parentheses are counted
//! by the parser ([`TEXT_DEPTH_MAX`]). Chains such as `a + b + c` are one tree level an operator
//! although their text does not nest; the parser reads them in a loop, so they are counted here. Those
//! of `OR` and `AND` are balanced first: BI tools write long ones.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Select, Visit, Visitor};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::{Error, Result, Statement, StatementText, balance, reject};

/// Depth to which parentheses and subqueries may nest. Texts that BI tools write stay well below.
pub const TEXT_DEPTH_MAX: usize = 300;

/// Depth that an expression may have; also how many joins and set operations a statement may have.
/// DuckDB's `max_expression_depth` is the same.
pub const EXPRESSION_DEPTH_MAX: usize = 1000;

/// Operators that a statement may have, which bounds the stack that reading it takes.
const OPERATORS_MAX: usize = 100 * EXPRESSION_DEPTH_MAX;

/// Stack that reading takes for an operator: some 3 KiB in a build without optimisation.
const STACK_PER_OPERATOR: usize = 8 * 1024;

/// Reads a statement with `read` on a stack that is large enough, and refuses one that is too deep.
pub(crate) fn limited(
    text: &StatementText,
    read: impl FnOnce() -> Result<Statement>,
) -> Result<Statement> {
    let relations = count(&text.tokens, combines_relations);
    if relations > EXPRESSION_DEPTH_MAX {
        return Err(too_large(
            "the number of joins and set operations",
            EXPRESSION_DEPTH_MAX,
        ));
    }
    let operators = count(&text.tokens, combines_expressions);
    if operators > OPERATORS_MAX {
        return Err(too_large("the number of operators", OPERATORS_MAX));
    }
    let read = || {
        let statement = read()?;
        let commas = count(&text.tokens, |token| *token == Token::Comma);
        match commas > EXPRESSION_DEPTH_MAX && lists_too_many(&statement) {
            true => Err(too_large("the number of relations", EXPRESSION_DEPTH_MAX)),
            false => Ok(statement),
        }
    };
    if operators <= EXPRESSION_DEPTH_MAX {
        return read();
    }
    // What is too deep is dropped there, too.
    stacker::grow(operators * STACK_PER_OPERATOR, || {
        let mut statement = read()?;
        if let Some(query) = reject::query_of_mut(&mut statement) {
            balance::chains(query);
        }
        match too_deep(&statement) {
            true => Err(too_large(
                "the depth of an expression",
                EXPRESSION_DEPTH_MAX,
            )),
            false => Ok(statement),
        }
    })
}

/// The error of a text that nests too deep.
pub(crate) fn nests_too_deep() -> Error {
    too_large("the nesting of the statement's text", TEXT_DEPTH_MAX)
}

fn too_large(what: &str, limit: usize) -> Error {
    Error::Limit {
        what: what.to_owned(),
        limit: limit as u64,
        flag: "fixed",
    }
}

fn count(tokens: &[TokenWithSpan], counts: fn(&Token) -> bool) -> usize {
    tokens.iter().filter(|token| counts(&token.token)).count()
}

fn combines_relations(token: &Token) -> bool {
    use Keyword::{EXCEPT, INTERSECT, JOIN, MINUS, PIVOT, UNION, UNPIVOT};
    matches!(token, Token::Word(word) if matches!(
        word.keyword,
        UNION | INTERSECT | EXCEPT | MINUS | JOIN | PIVOT | UNPIVOT
    ))
}

/// Whether `token` may make an expression deeper without being counted by the parser: every word of
/// the grammar but those that stand often and combine nothing.
fn combines_expressions(token: &Token) -> bool {
    use Keyword::{
        AS, CASE, CAST, DATE, ELSE, END, FALSE, FROM, NULL, NoKeyword, SELECT, THEN, TIMESTAMP,
        TRUE, WHEN, WHERE,
    };
    match token {
        Token::Word(word) => !matches!(
            word.keyword,
            NoKeyword
                | AS
                | CASE
                | CAST
                | DATE
                | ELSE
                | END
                | FALSE
                | FROM
                | NULL
                | SELECT
                | THEN
                | TIMESTAMP
                | TRUE
                | WHEN
                | WHERE
        ),
        Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::SemiColon
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::Placeholder(_)
        | Token::Whitespace(_)
        | Token::EOF => false,
        _ => true,
    }
}

/// Whether a `FROM` lists more relations than may be joined.
fn lists_too_many(statement: &Statement) -> bool {
    struct Lists;
    impl Visitor for Lists {
        type Break = ();

        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            match select.from.len() > EXPRESSION_DEPTH_MAX {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    let query = reject::query_of(statement);
    query.is_some_and(|query| query.visit(&mut Lists).is_break())
}

fn too_deep(statement: &Statement) -> bool {
    let mut depth = Depth::default();
    reject::query_of(statement).is_some_and(|query| query.visit(&mut depth).is_break())
}

#[derive(Default)]
struct Depth {
    open: usize,
}

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.open += levels(expr);
        match self.open > EXPRESSION_DEPTH_MAX {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.open -= levels(expr);
        ControlFlow::Continue(())
    }
}

/// What `expr` adds to the depth of the plan: `a[1][2]` is flat here, and nested there.
fn levels(expr: &Expr) -> usize {
    match expr {
        Expr::CompoundFieldAccess { access_chain, .. } => 1 + access_chain.len(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, one, parse};

    fn message(sql: &str) -> Option<String> {
        let text = one(sql, Dialect::Ansi).unwrap();
        parse(text, Dialect::Ansi)
            .err()
            .map(|error| error.to_string())
    }

    /// `term` joined `count` times.
    fn chain(operator: &str, count: usize) -> String {
        format!("SELECT {}", vec!["a = 1"; count].join(operator))
    }

    #[test]
    fn a_chain_may_be_as_deep_as_the_limit_says() {
        assert_eq!(message(&chain(" || ", EXPRESSION_DEPTH_MAX - 2)), None);
        let refused = message(&chain(" || ", EXPRESSION_DEPTH_MAX + 1));
        assert_eq!(
            refused.unwrap(),
            "the depth of an expression is over the limit of 1000 (fixed)"
        );
    }

    #[test]
    fn conditions_may_be_many() {
        for operator in [" OR ", " AND "] {
            assert_eq!(message(&chain(operator, 20 * EXPRESSION_DEPTH_MAX)), None);
        }
    }

    #[test]
    fn many_shallow_expressions_are_no_depth() {
        let items = vec!["a + b * c"; 20_000].join(", ");
        assert_eq!(message(&format!("SELECT {items}")), None);
    }

    #[test]
    fn no_text_exhausts_the_stack() {
        for sql in [
            chain(" || ", 40_000),
            chain(" OR ", 200_000),
            format!("SELECT {}1", "- ".repeat(50_000)),
            format!("SELECT {}1", "NOT ".repeat(50_000)),
            format!("SELECT {}", vec!["a"; 50_000].join("::")),
            format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
            format!("SELECT a{}", "[1]".repeat(50_000)),
            format!("SELECT {}", vec!["a"; 50_000].join(" || ")),
            vec!["SELECT 1"; 5000].join(" UNION ALL "),
            vec!["SELECT 1"; 50_000].join(" MINUS "),
            format!("SELECT 1 FROM {}", vec!["t"; 5000].join(" CROSS JOIN ")),
            format!("SELECT 1 FROM {}", vec!["t"; 5000].join(", ")),
            format!("SELECT a{}", " AT TIME ZONE 'a'".repeat(100_000)),
            format!("SELECT a{}", " NOT NULL".repeat(100_000)),
            format!(
                "SELECT 1 FROM t{}",
                " PIVOT(sum(a) FOR b IN (1))".repeat(20_000)
            ),
        ] {
            assert!(message(&sql).is_some(), "{}", &sql[..40]);
        }
    }
}
