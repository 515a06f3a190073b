//! `IS [NOT] DISTINCT FROM`, which sqlparser 0.62 reads with everything behind it: in
//! `a IS DISTINCT FROM b OR c` it compares `a` with `b OR c`.
//!
//! The words become one operator of the right precedence before parsing, and the operator becomes
//! the words' meaning again after it. Places of tokens stay, for the sake of positions.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Query, VisitMut, VisitorMut};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

/// Stands for `IS DISTINCT FROM`; no dialect here has it.
const DISTINCT: Token = Token::AtQuestion;
/// Stands for `IS NOT DISTINCT FROM`; no dialect here has it.
const NOT_DISTINCT: Token = Token::AtAt;

/// Puts operators in the place of the words. Returns whether there were any.
pub(super) fn to_operators(tokens: &mut [TokenWithSpan]) -> bool {
    if tokens
        .iter()
        .any(|token| token.token == DISTINCT || token.token == NOT_DISTINCT)
    {
        return false;
    }
    let words = [
        (
            &[Keyword::IS, Keyword::DISTINCT, Keyword::FROM][..],
            DISTINCT,
        ),
        (
            &[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM],
            NOT_DISTINCT,
        ),
    ];
    let mut found = false;
    for at in 0..tokens.len() {
        for (words, operator) in &words {
            let Some(these) = tokens.get_mut(at..at + words.len()) else {
                continue;
            };
            let same = |(token, word): (&TokenWithSpan, &Keyword)| matches!(&token.token, Token::Word(found) if found.keyword == *word);
            if !these.iter().zip(*words).all(same) {
                continue;
            }
            found = true;
            for token in these.iter_mut() {
                token.token = Token::Whitespace(Whitespace::Space);
            }
            if let Some(first) = these.first_mut() {
                first.token = operator.clone();
            }
        }
    }
    found
}

/// Gives the operators their meaning.
pub(super) fn to_words(query: &mut Query) {
    struct Words;
    impl VisitorMut for Words {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let Expr::BinaryOp { left, op, right } = expr else {
                return ControlFlow::Continue(());
            };
            let words = match op {
                BinaryOperator::AtQuestion => Expr::IsDistinctFrom,
                BinaryOperator::AtAt => Expr::IsNotDistinctFrom,
                _ => return ControlFlow::Continue(()),
            };
            *expr = words(left.clone(), right.clone());
            ControlFlow::Continue(())
        }
    }
    let _ = query.visit(&mut Words);
}
