//! Spark's typed numbers: `1Y`, `1S`, `1L`, `1F`, `1D`, `1BD`.
//!
//! The tokenizer gives a number and a word behind it. They become the tokens of a cast, so that the
//! parser need not know them. Source: "Numeric Literal" in Spark's SQL reference.

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// A token, and its byte offset in the script.
pub(crate) type Placed = (TokenWithSpan, usize);

/// `tokens` with a cast for each number that has a suffix.
pub(crate) fn typed_numbers(tokens: Vec<Placed>) -> Vec<Placed> {
    let mut out: Vec<Placed> = Vec::with_capacity(tokens.len());
    for (token, offset) in tokens {
        let data_type = out
            .last()
            .and_then(|(number, _)| suffix_type(number, &token));
        match (data_type, out.pop()) {
            (Some(data_type), Some((number, at))) => out.extend(cast(&number, &data_type, at)),
            (_, before) => {
                out.extend(before);
                out.push((token, offset));
            }
        }
    }
    out
}

/// The type of a typed number.
enum NumberType {
    Named(&'static str),
    Decimal { precision: usize, scale: usize },
}

/// The type that `suffix` gives to the number that it directly follows.
fn suffix_type(number: &TokenWithSpan, suffix: &TokenWithSpan) -> Option<NumberType> {
    let (Token::Number(digits, false), Token::Word(word)) = (&number.token, &suffix.token) else {
        return None;
    };
    if number.span.end != suffix.span.start || word.quote_style.is_some() {
        return None;
    }
    let whole = digits.bytes().all(|digit| digit.is_ascii_digit());
    let name = match word.value.to_ascii_uppercase().as_str() {
        "Y" if whole => "TINYINT",
        "S" if whole => "SMALLINT",
        "L" if whole => "BIGINT",
        "F" => "FLOAT",
        "D" => "DOUBLE",
        "BD" => return decimal(digits),
        _ => return None,
    };
    Some(NumberType::Named(name))
}

/// The decimal that holds exactly the digits that are written.
fn decimal(digits: &str) -> Option<NumberType> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let plain = [whole, fraction]
        .concat()
        .bytes()
        .all(|d| d.is_ascii_digit());
    plain.then(|| NumberType::Decimal {
        precision: (whole.len() + fraction.len()).max(1),
        scale: fraction.len(),
    })
}

/// `CAST(number AS data_type)`, all at the place of the number.
fn cast(number: &TokenWithSpan, data_type: &NumberType, at: usize) -> Vec<Placed> {
    let token = |token: Token| (TokenWithSpan::new(token, number.span), at);
    let mut tokens = vec![
        token(Token::make_keyword("CAST")),
        token(Token::LParen),
        (number.clone(), at),
        token(Token::make_keyword("AS")),
    ];
    match data_type {
        NumberType::Named(name) => tokens.push(token(Token::make_keyword(name))),
        NumberType::Decimal { precision, scale } => tokens.extend([
            token(Token::make_keyword("DECIMAL")),
            token(Token::LParen),
            token(Token::Number(precision.to_string(), false)),
            token(Token::Comma),
            token(Token::Number(scale.to_string(), false)),
            token(Token::RParen),
        ]),
    }
    tokens.push(token(Token::RParen));
    tokens
}
