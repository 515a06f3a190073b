//! PostgreSQL's patterns of dates (`YYYY-MM-DD HH24:MI`) as those that DataFusion's functions take
//! (`%Y-%m-%d %H:%M`).
//!
//! DataFusion's `to_char(d, 'YYYY')` is the text `YYYY`: what has no `%` is taken as it stands. Source:
//! "Data Type Formatting Functions" of PostgreSQL's documentation, and chrono's `format::strftime`.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

/// Functions whose second argument is a pattern.
const FUNCTIONS: [&str; 4] = ["to_char", "to_date", "to_timestamp", "date_format"];

/// DataFusion's own words, for durations.
const WORDS: [&str; 2] = ["pretty", "iso8601"];

/// PostgreSQL's parts of a pattern, each before those that it begins with, and chrono's.
const PARTS: [(&str, &str); 33] = [
    ("YYYY", "%Y"),
    ("IYYY", "%G"),
    ("YY", "%y"),
    ("FMMonth", "%B"),
    ("Month", "%B"),
    ("Mon", "%b"),
    ("FMMM", "%-m"),
    ("MM", "%m"),
    ("FMDay", "%A"),
    ("Day", "%A"),
    ("Dy", "%a"),
    ("DDD", "%j"),
    ("FMDD", "%-d"),
    ("DD", "%d"),
    ("ID", "%u"),
    ("FMHH24", "%-H"),
    ("HH24", "%H"),
    ("FMHH12", "%-I"),
    ("HH12", "%I"),
    ("FMHH", "%-I"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
    ("IW", "%V"),
    ("Q", "%q"),
    ("TZ", "%Z"),
    ("OF", "%:z"),
];

/// The pattern of a call, if it has one that is a literal in PostgreSQL's manner.
pub(crate) fn of_call(function: &Function) -> Option<&str> {
    let [name] = function.name.0.as_slice() else {
        return None;
    };
    let name = &name.as_ident()?.value;
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(pattern))) = list.args.get(1)?
    else {
        return None;
    };
    let Value::SingleQuotedString(pattern) = &pattern.value else {
        return None;
    };
    let known = FUNCTIONS
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known));
    let letters = pattern.chars().any(char::is_alphabetic);
    let postgresql_s = letters && !pattern.contains('%') && !WORDS.contains(&pattern.as_str());
    (known && postgresql_s).then_some(pattern)
}

/// Puts DataFusion's pattern in the place of PostgreSQL's.
pub(crate) fn translate(function: &mut Function) {
    let Some(pattern) = of_call(function).and_then(translated) else {
        return;
    };
    if let FunctionArguments::List(list) = &mut function.args
        && let Some(second) = list.args.get_mut(1)
    {
        let pattern = Expr::value(Value::SingleQuotedString(pattern));
        *second = FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern));
    }
}

/// DataFusion's pattern for PostgreSQL's; none if it has a part that is not known.
pub(crate) fn translated(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some((part, chrono)) = PARTS.iter().find(|(part, _)| rest.starts_with(part)) {
            out.push_str(chrono);
            rest = &rest[part.len()..];
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (text, behind) = quoted.split_once('"')?;
            out.push_str(text);
            rest = behind;
        } else if first.is_alphabetic() && first != 'T' {
            return None;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_s_patterns_are_chrono_s() {
        for (pattern, expected) in [
            ("YYYY-MM-DD HH24:MI:SS.US", Some("%Y-%m-%d %H:%M:%S.%6f")),
            ("FMMonth DD, YYYY", Some("%B %d, %Y")),
            ("Dy DDD \"day\" IW", Some("%a %j day %V")),
            ("YYYY-MM-DDTHH12:MI AM", Some("%Y-%m-%dT%I:%M %p")),
            ("YYYYMMDD", Some("%Y%m%d")),
            ("MONTH", None),
            ("\"open", None),
        ] {
            assert_eq!(translated(pattern).as_deref(), expected, "{pattern}");
        }
    }
}
