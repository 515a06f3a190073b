//! `TABLE t`, which is `SELECT * FROM t`.
//!
//! sqlparser reads a name and the two tokens behind it, whatever they are, and keeps the name as a
//! text, where nothing that looks for relations finds it.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Writes `SELECT * FROM` for the `TABLE` of a statement, or of a part of a `UNION`.
pub(super) fn spell_out(tokens: &mut Vec<TokenWithSpan>) {
    for at in (0..tokens.len()).rev() {
        let begins = match at.checked_sub(1).map(|before| &tokens[before].token) {
            None => true,
            Some(Token::Word(word)) => begins_behind(word),
            Some(_) => false,
        };
        let is_table =
            matches!(&tokens[at].token, Token::Word(word) if word.keyword == Keyword::TABLE);
        let names = tokens.get(at + 1).map(|next| &next.token);
        if begins && is_table && matches!(names, Some(Token::Word(_))) {
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

fn begins_behind(word: &Word) -> bool {
    matches!(
        word.keyword,
        Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::MINUS
            | Keyword::ALL
            | Keyword::DISTINCT
    )
}
