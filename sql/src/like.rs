//! `LIKE` and `SIMILAR TO` as the planner reads them.

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value, ValueWithSpan,
};

/// Rewrites one expression.
pub(crate) fn rewrite(expr: &mut Expr) {
    match expr {
        Expr::Like { .. } | Expr::ILike { .. } => match over_each_pattern(expr) {
            Some(spread) => *expr = spread,
            None => escape_by_backslash(expr),
        },
        Expr::SimilarTo {
            pattern,
            escape_char,
            ..
        } => {
            let escape = escape_char.take();
            if let Some(text) = text_mut(pattern) {
                *text = regular_expression(text, escape_of(escape.as_ref()));
            }
        }
        _ => {}
    }
}

/// Whether `expr` is a `SIMILAR TO` whose pattern is not there to be read.
pub(crate) fn is_computed_similar_to(expr: &Expr) -> bool {
    let Expr::SimilarTo { pattern, .. } = expr else {
        return false;
    };
    let is_null = matches!(&**pattern, Expr::Value(value) if value.value == Value::Null);
    !is_null && text_mut(&mut pattern.clone()).is_none()
}

fn text_mut(expr: &mut Expr) -> Option<&mut String> {
    match expr {
        Expr::Value(value) => match &mut value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// None is written `ESCAPE ''`.
fn escape_of(written: Option<&ValueWithSpan>) -> Option<char> {
    match written.map(|value| &value.value) {
        Some(Value::SingleQuotedString(text)) => text.chars().next(),
        _ => Some('\\'),
    }
}

/// `LIKE 'a!_' ESCAPE '!'` is `LIKE 'a\_'`: the planner knows no other escape.
fn escape_by_backslash(like: &mut Expr) {
    let (Expr::Like {
        pattern,
        escape_char,
        ..
    }
    | Expr::ILike {
        pattern,
        escape_char,
        ..
    }) = like
    else {
        return;
    };
    let Some(Value::SingleQuotedString(escape)) = escape_char.as_ref().map(|value| &value.value)
    else {
        return;
    };
    let escape = <[char; 1]>::try_from(escape.chars().collect::<Vec<_>>());
    if let (Ok([escape]), Some(text)) = (escape, text_mut(pattern)) {
        *text = escaped_by_backslash(text, escape);
        *escape_char = None;
    }
}

fn escaped_by_backslash(text: &str, escape: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(ch) = chars.next() {
        match ch {
            ch if ch == escape => {
                escaped.push('\\');
                escaped.extend(chars.next());
            }
            '\\' => escaped.push_str("\\\\"),
            ch => escaped.push(ch),
        }
    }
    escaped
}

/// `x LIKE ANY (p, q)` is `x LIKE p OR x LIKE q`, with `ALL` it is `AND`. What is negated is each of
/// them, as in Spark.
fn over_each_pattern(expr: &Expr) -> Option<Expr> {
    let (Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. }) = expr else {
        return None;
    };
    let (patterns, op) = match (any, &**pattern) {
        (true, Expr::Tuple(patterns)) => (patterns.clone(), BinaryOperator::Or),
        (true, Expr::Nested(pattern)) => (vec![(**pattern).clone()], BinaryOperator::Or),
        (false, Expr::Function(call)) => {
            let op = match call.name.to_string().to_ascii_uppercase().as_str() {
                "ALL" => BinaryOperator::And,
                "SOME" => BinaryOperator::Or,
                _ => return None,
            };
            (arguments(&call.args)?, op)
        }
        _ => return None,
    };
    let each = patterns.into_iter().map(|one| {
        let mut like = expr.clone();
        if let Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. } = &mut like {
            *any = false;
            **pattern = one;
        }
        escape_by_backslash(&mut like);
        like
    });
    let all = each.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: op.clone(),
        right: Box::new(right),
    });
    all.map(|all| Expr::Nested(Box::new(all)))
}

fn arguments(arguments: &FunctionArguments) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = arguments else {
        return None;
    };
    let each = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    each.collect()
}

/// `text`, SQL's pattern, as a regular expression: DataFusion takes that behind `SIMILAR TO`, and a
/// match of a part of the text. Source: "Pattern Matching" of PostgreSQL's documentation.
fn regular_expression(text: &str, escape: Option<char>) -> String {
    let mut out = String::from("(?s)^(?:");
    let mut in_brackets = false;
    let mut chars = text.chars();
    while let Some(ch) = chars.next() {
        match ch {
            ch if Some(ch) == escape => {
                let escaped = chars.next().unwrap_or(ch).to_string();
                out += &regex::escape(&escaped);
            }
            // A class such as `[:alpha:]`.
            '[' if in_brackets && chars.as_str().starts_with(':') => {
                out.push('[');
                for ch in chars.by_ref() {
                    out.push(ch);
                    if ch == ']' {
                        break;
                    }
                }
            }
            '[' | ']' if in_brackets == (ch == ']') => {
                in_brackets = ch == '[';
                out.push(ch);
            }
            // Operators of Rust's sets.
            '[' | '&' | '~' | '\\' if in_brackets => out.extend(['\\', ch]),
            ch if in_brackets => out.push(ch),
            '%' => out += ".*",
            '_' => out.push('.'),
            '|' | '*' | '+' | '?' | '{' | '}' | '(' | ')' => out.push(ch),
            ch => out += &regex::escape(&ch.to_string()),
        }
    }
    out + ")$"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_sql_matches_all_of_the_text_and_knows_no_dots() {
        assert_eq!(regular_expression("a%", Some('\\')), "(?s)^(?:a.*)$");
        assert_eq!(
            regular_expression("(a|b)_.c", Some('\\')),
            "(?s)^(?:(a|b).\\.c)$"
        );
        assert_eq!(regular_expression("5!%", Some('!')), "(?s)^(?:5%)$");
        assert_eq!(regular_expression("[_%]+", Some('\\')), "(?s)^(?:[_%]+)$");
        assert_eq!(
            regular_expression("[[:alpha:]_&&]", Some('\\')),
            "(?s)^(?:[[:alpha:]_\\&\\&])$"
        );
    }
}
