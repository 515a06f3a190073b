//! `TABLE t`, which is `SELECT * FROM t`, where a query begins.
//!
//! sqlparser reads a name and the two tokens behind it, whatever they are, and keeps the name as a
//! text, where nothing that looks for relations finds it.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Writes `SELECT * FROM` for the `TABLE` of a statement, of a view, or of a part of a `UNION`.
pub(super) fn spell_out(tokens: &mut Vec<TokenWithSpan>) {
    for at in (0..tokens.len()).rev() {
        let begins = match at.checked_sub(1).map(|before| &tokens[before].token) {
            None => true,
            Some(Token::Word(word)) => begins_behind(word) || of_view(word, &tokens[0]),
            Some(_) => false,
        };
        let is_table =
            matches!(&tokens[at].token, Token::Word(word) if word.keyword == Keyword::TABLE);
        let next = tokens.get(at + 1).map(|next| &next.token);
        // A word of SQL behind it makes it an alias: `SELECT a AS table FROM t`.
        let names =
            |next: &Token| matches!(next, Token::Word(word) if word.keyword == Keyword::NoKeyword);
        if begins && is_table && next.is_some_and(names) {
            let span = tokens[at].span;
            let spelled = [word("SELECT"), Token::Mul, word("FROM")];
            let spelled = spelled.map(|token| TokenWithSpan { token, span });
            tokens.splice(at..=at, spelled);
        }
    }
}

fn word(text: &str) -> Token {
    Token::make_keyword(text)
}

/// Whether `word` is the `AS` of a `CREATE`.
fn of_view(word: &Word, first: &TokenWithSpan) -> bool {
    let creates = |first: &Word| matches!(first.keyword, Keyword::CREATE | Keyword::CACHE);
    word.keyword == Keyword::AS && matches!(&first.token, Token::Word(first) if creates(first))
}

fn begins_behind(word: &Word) -> bool {
    matches!(
        word.keyword,
        Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::MINUS
            | Keyword::ALL
            | Keyword::DISTINCT
            | Keyword::EXPLAIN
    )
}
