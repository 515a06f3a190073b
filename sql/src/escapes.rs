//! ODBC's and JDBC's escapes: `{d '..'}`, `{fn LCASE(x)}`, `{oj a LEFT JOIN b ON ..}` and their kin,
//! and `current_user()`, whose brackets SQL does not have.
//!
//! They are taken off the tokens, so that what is in them is parsed like any other text. Source: the
//! ODBC Programmer's Reference, "Escape Sequences in ODBC".

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::suffixes::Placed;

/// `tokens` without the braces and words of escapes.
pub(crate) fn without_escapes(tokens: Vec<Placed>) -> Vec<Placed> {
    if !tokens.iter().any(|(token, _)| token.token == Token::LBrace) {
        return tokens;
    }
    let mut out = Vec::with_capacity(tokens.len());
    // Whether each open brace is an escape's.
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(placed) = tokens.get(at) {
        match placed.0.token {
            Token::LBrace => {
                let escape = Escape::of(&tokens[at + 1..]);
                open.push(escape.is_some());
                match (escape, tokens.get(at + 1)) {
                    (Some(Escape::Typed(keyword)), Some((word, offset))) => {
                        let token = Token::make_keyword(keyword);
                        out.push((TokenWithSpan::new(token, word.span), *offset));
                        at += 1;
                    }
                    (Some(Escape::Plain), _) => at += 1,
                    (Some(Escape::Renamed(name)), _) => {
                        if let Some((word, offset)) = tokens.get(at + 2) {
                            let token = Token::make_word(name, None);
                            out.push((TokenWithSpan::new(token, word.span), *offset));
                        }
                        at += 2;
                    }
                    _ => out.push(placed.clone()),
                }
            }
            Token::RBrace if open.pop() == Some(true) => {}
            _ => out.push(placed.clone()),
        }
        at += 1;
    }
    match open.contains(&true) {
        // The parser says where.
        true => tokens,
        false => out,
    }
}

/// What the word behind a brace means.
#[derive(Clone, Copy)]
enum Escape {
    /// It stands for a keyword.
    Typed(&'static str),
    /// It stands for nothing.
    Plain,
    /// The function behind it has another name in SQL.
    Renamed(&'static str),
}

/// `tokens` without empty brackets behind what SQL calls without.
pub(crate) fn without_brackets(mut tokens: Vec<Placed>) -> Vec<Placed> {
    const NAMES: [&str; 3] = ["current_catalog", "current_user", "session_user"];
    let is_call = |tokens: &[Placed]| {
        let [(name, _), (open, _), (close, _)] = tokens else {
            return false;
        };
        NAMES.iter().any(|wanted| is_word(&name.token, wanted))
            && open.token == Token::LParen
            && close.token == Token::RParen
    };
    let mut at = 0;
    while at + 3 <= tokens.len() {
        if is_call(&tokens[at..at + 3]) {
            tokens.drain(at + 1..at + 3);
        }
        at += 1;
    }
    tokens
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(wanted))
}

impl Escape {
    /// The escape that `tokens`, behind a brace, begin with.
    fn of(tokens: &[Placed]) -> Option<Self> {
        let [(first, _), (second, _), ..] = tokens else {
            return None;
        };
        let Token::Word(word) = &first.token else {
            return None;
        };
        let before_text = matches!(second.token, Token::SingleQuotedString(_));
        let before_word = matches!(second.token, Token::Word(_));
        Some(match word.value.to_ascii_lowercase().as_str() {
            "d" if before_text => Self::Typed("DATE"),
            "t" if before_text => Self::Typed("TIME"),
            "ts" if before_text => Self::Typed("TIMESTAMP"),
            "escape" if before_text => Self::Typed("ESCAPE"),
            // ODBC's is the natural logarithm.
            "fn" if is_word(&second.token, "log") => Self::Renamed("ln"),
            "fn" | "oj" if before_word => Self::Plain,
            _ => return None,
        })
    }
}
