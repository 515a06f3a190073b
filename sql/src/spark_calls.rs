//! Functions of Spark that are written in terms of others.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, NullTreatment, Value, visit_expressions_mut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::synonyms::{self, plain_args};

/// Name, number of arguments, and what a call stands for. The functions that begin with `mica_` are
/// in [`crate::functions`].
const CALLS: [(&str, usize, &str); 107] = [
    (
        "add_months",
        2,
        "add_months(CAST($1 AS DATE), CAST($2 AS INT))",
    ),
    ("any", 1, "bool_or($1)"),
    ("any_value", 1, "first_value($1)"),
    ("approx_count_distinct", 2, "approx_distinct($1)"),
    ("approx_percentile", 2, "percentile_disc($1, $2)"),
    ("approx_percentile", 3, "percentile_disc($1, $2)"),
    (
        "array_position",
        2,
        "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN coalesce(CAST(array_position($1, $2) AS BIGINT), 0) END",
    ),
    (
        "array_size",
        1,
        "CASE WHEN $1 IS NOT NULL THEN size($1) END",
    ),
    ("ascii", 1, "ascii(CAST($1 AS STRING))"),
    (
        "bround",
        1,
        "mica_bround(CAST($1 AS DOUBLE), CAST(0 AS INT))",
    ),
    (
        "bround",
        2,
        "mica_bround(CAST($1 AS DOUBLE), CAST($2 AS INT))",
    ),
    ("char_length", 1, "char_length(CAST($1 AS STRING))"),
    ("character_length", 1, "char_length(CAST($1 AS STRING))"),
    ("count_if", 1, "count(*) FILTER (WHERE $1)"),
    ("date_add", 2, "date_add(CAST($1 AS DATE), CAST($2 AS INT))"),
    (
        "date_diff",
        2,
        "datediff(CAST($1 AS DATE), CAST($2 AS DATE))",
    ),
    (
        "date_format",
        2,
        "mica_date_format(CAST($1 AS TIMESTAMP), $2)",
    ),
    (
        "date_from_unix_date",
        1,
        "date_add(DATE '1970-01-01', CAST($1 AS INT))",
    ),
    ("date_sub", 2, "date_sub(CAST($1 AS DATE), CAST($2 AS INT))"),
    ("date_trunc", 2, "date_trunc($1, CAST($2 AS TIMESTAMP))"),
    ("dateadd", 2, "date_add(CAST($1 AS DATE), CAST($2 AS INT))"),
    (
        "datediff",
        2,
        "datediff(CAST($1 AS DATE), CAST($2 AS DATE))",
    ),
    (
        "dayname",
        1,
        "mica_date_format(CAST($1 AS TIMESTAMP), 'EEE')",
    ),
    ("element_at", 2, "mica_element_at($1, $2)"),
    ("every", 1, "bool_and($1)"),
    ("factorial", 1, "factorial(CAST($1 AS INT))"),
    ("first", 1, "first_value($1)"),
    ("first_value", 1, "first_value($1)"),
    (
        "format_number",
        2,
        "mica_format_number(CAST($1 AS DOUBLE), CAST($2 AS INT))",
    ),
    (
        "from_unixtime",
        1,
        "mica_date_format(mica_from_seconds(CAST($1 AS BIGINT)), 'yyyy-MM-dd HH:mm:ss')",
    ),
    (
        "from_unixtime",
        2,
        "mica_date_format(mica_from_seconds(CAST($1 AS BIGINT)), $2)",
    ),
    (
        "get",
        2,
        "mica_element_at($1, CASE WHEN $2 >= 0 THEN $2 + 1 END)",
    ),
    ("get_json_object", 2, "mica_get_json_object($1, $2)"),
    ("initcap", 1, "mica_initcap(CAST($1 AS STRING))"),
    ("instr", 2, "instr(CAST($1 AS STRING), CAST($2 AS STRING))"),
    ("isnan", 1, "coalesce(isnan(CAST($1 AS DOUBLE)), false)"),
    ("isnotnull", 1, "$1 IS NOT NULL"),
    ("isnull", 1, "$1 IS NULL"),
    ("json_array_length", 1, "mica_json_array_length($1)"),
    ("last", 1, "last_value($1)"),
    ("last_day", 1, "last_day(CAST($1 AS DATE))"),
    ("last_value", 1, "last_value($1)"),
    ("lcase", 1, "lower(CAST($1 AS STRING))"),
    (
        "left",
        2,
        "left(CAST($1 AS STRING), CASE WHEN $2 < 0 THEN 0 ELSE CAST($2 AS INT) END)",
    ),
    ("ln", 1, "CASE WHEN $1 > 0 THEN ln($1) END"),
    ("log", 1, "CASE WHEN $1 > 0 THEN ln($1) END"),
    ("log10", 1, "CASE WHEN $1 > 0 THEN log10($1) END"),
    ("log1p", 1, "CASE WHEN $1 > -1 THEN ln(1 + $1) END"),
    ("log2", 1, "CASE WHEN $1 > 0 THEN log2($1) END"),
    ("lower", 1, "lower(CAST($1 AS STRING))"),
    ("lpad", 2, "lpad(CAST($1 AS STRING), CAST($2 AS INT), ' ')"),
    ("lpad", 3, "lpad(CAST($1 AS STRING), CAST($2 AS INT), $3)"),
    ("ltrim", 1, "ltrim(CAST($1 AS STRING))"),
    ("ltrim", 2, "ltrim($2, $1)"),
    (
        "make_timestamp",
        6,
        "CAST(concat($1, '-', $2, '-', $3, ' ', $4, ':', $5, ':', $6) AS TIMESTAMP)",
    ),
    (
        "max_by",
        2,
        "first_value($1 ORDER BY $2 DESC) FILTER (WHERE $2 IS NOT NULL)",
    ),
    (
        "min_by",
        2,
        "first_value($1 ORDER BY $2 ASC) FILTER (WHERE $2 IS NOT NULL)",
    ),
    (
        "months_between",
        2,
        "mica_months_between(CAST($1 AS TIMESTAMP), CAST($2 AS TIMESTAMP), TRUE)",
    ),
    (
        "months_between",
        3,
        "mica_months_between(CAST($1 AS TIMESTAMP), CAST($2 AS TIMESTAMP), $3)",
    ),
    ("next_day", 2, "next_day(CAST($1 AS DATE), $2)"),
    ("nullifzero", 1, "nullif($1, 0)"),
    (
        "percentile",
        2,
        "percentile_cont(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))",
    ),
    ("percentile_approx", 2, "percentile_disc($1, $2)"),
    ("percentile_approx", 3, "percentile_disc($1, $2)"),
    ("positive", 1, "$1"),
    ("regexp", 2, "regexp_like($1, $2)"),
    (
        "regexp_extract",
        2,
        "mica_regexp_extract($1, $2, CAST(1 AS INT))",
    ),
    (
        "regexp_extract",
        3,
        "mica_regexp_extract($1, $2, CAST($3 AS INT))",
    ),
    (
        "regexp_extract_all",
        2,
        "mica_regexp_extract_all($1, $2, CAST(1 AS INT))",
    ),
    (
        "regexp_extract_all",
        3,
        "mica_regexp_extract_all($1, $2, CAST($3 AS INT))",
    ),
    (
        "regexp_substr",
        2,
        "nullif(mica_regexp_extract($1, $2, CAST(0 AS INT)), '')",
    ),
    ("replace", 2, "replace($1, $2, '')"),
    ("replace", 3, "replace(CAST($1 AS STRING), $2, $3)"),
    (
        "right",
        2,
        "right(CAST($1 AS STRING), CASE WHEN $2 < 0 THEN 0 ELSE CAST($2 AS INT) END)",
    ),
    ("rint", 1, "rint(CAST($1 AS DOUBLE))"),
    ("rlike", 2, "regexp_like($1, $2)"),
    ("rpad", 2, "rpad(CAST($1 AS STRING), CAST($2 AS INT), ' ')"),
    ("rpad", 3, "rpad(CAST($1 AS STRING), CAST($2 AS INT), $3)"),
    ("rtrim", 1, "rtrim(CAST($1 AS STRING))"),
    ("rtrim", 2, "rtrim($2, $1)"),
    ("sequence", 2, "mica_sequence($1, $2)"),
    ("sequence", 3, "mica_sequence($1, $2, $3)"),
    ("some", 1, "bool_or($1)"),
    ("sort_array", 1, "mica_array_sort($1, 'ASC', 'NULLS FIRST')"),
    (
        "sort_array",
        2,
        "CASE WHEN $2 THEN mica_array_sort($1, 'ASC', 'NULLS FIRST') ELSE mica_array_sort($1, 'DESC', 'NULLS LAST') END",
    ),
    ("split", 2, "mica_split($1, $2, CAST(-1 AS INT))"),
    ("split", 3, "mica_split($1, $2, CAST($3 AS INT))"),
    (
        "sqrt",
        1,
        "CASE WHEN $1 < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt($1) END",
    ),
    ("std", 1, "stddev($1)"),
    ("to_date", 1, "CAST($1 AS DATE)"),
    ("to_date", 2, "CAST(mica_parse_moment($1, $2) AS DATE)"),
    ("to_timestamp", 1, "CAST($1 AS TIMESTAMP)"),
    ("to_timestamp", 2, "mica_parse_moment($1, $2)"),
    (
        "to_unix_timestamp",
        1,
        "mica_unix_seconds(mica_parse_moment($1, 'yyyy-MM-dd HH:mm:ss'))",
    ),
    (
        "to_unix_timestamp",
        2,
        "mica_unix_seconds(mica_parse_moment($1, $2))",
    ),
    ("trunc", 2, "trunc(CAST($1 AS DATE), $2)"),
    ("try_avg", 1, "avg($1)"),
    ("try_divide", 2, "$1 / nullif($2, 0)"),
    ("try_element_at", 2, "mica_element_at($1, $2)"),
    ("ucase", 1, "upper(CAST($1 AS STRING))"),
    ("unix_timestamp", 0, "unix_seconds(now())"),
    (
        "unix_timestamp",
        1,
        "mica_unix_seconds(mica_parse_moment($1, 'yyyy-MM-dd HH:mm:ss'))",
    ),
    (
        "unix_timestamp",
        2,
        "mica_unix_seconds(mica_parse_moment($1, $2))",
    ),
    ("upper", 1, "upper(CAST($1 AS STRING))"),
    ("variance", 1, "var_samp($1)"),
    ("weekday", 1, "weekday(CAST($1 AS DATE))"),
    ("zeroifnull", 1, "coalesce($1, 0)"),
];

/// Names that are called, for messages.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(name, ..)| *name)
}

/// Whether a call of `name` stands for something else.
pub(crate) fn is_one(name: &str, args: usize) -> bool {
    templates().contains_key(&(name, args))
}

/// What a call stands for; casts in it are of `kind`.
pub(crate) fn of_call(function: &Function, kind: &CastKind) -> Option<Expr> {
    let [part] = function.name.0.as_slice() else {
        return None;
    };
    let name = part.as_ident()?.value.to_ascii_lowercase();
    let mut args: Vec<Expr> = plain_args(function)?.into_iter().cloned().collect();
    if let Some(list) = each_percentile(&name, function, &args, kind) {
        return Some(list);
    }
    if name == "decode" && args.len() > 2 {
        return decoded(&args);
    }
    let ignores_nulls = ignores_nulls(&name, &args);
    if ignores_nulls.is_some() {
        args.truncate(1);
    }
    let mut written = templates().get(&(name.as_str(), args.len()))?.clone();
    let _ = visit_expressions_mut(&mut written, |part| {
        fill(part, &args, kind);
        ControlFlow::<()>::Continue(())
    });
    match &mut written {
        Expr::Function(call) => {
            with_clauses(call, function)?;
            if ignores_nulls == Some(true) {
                call.null_treatment = Some(NullTreatment::IgnoreNulls);
            }
        }
        _ if has_clauses(function) => return None,
        _ => {}
    }
    Some(written)
}

/// `decode(x, a, 'A', b, 'B', 'other')` is a CASE, where NULL is like NULL.
fn decoded(args: &[Expr]) -> Option<Expr> {
    let (value, rest) = args.split_first()?;
    let (pairs, default) = rest.as_chunks::<2>();
    let mut case = Parser::new(&GenericDialect)
        .try_with_sql("CASE WHEN 1 THEN 1 END")
        .and_then(|mut parser| parser.parse_expr())
        .ok()?;
    if let Expr::Case {
        conditions,
        else_result,
        ..
    } = &mut case
    {
        let when = |[key, result]: &[Expr; 2]| CaseWhen {
            condition: Expr::IsNotDistinctFrom(Box::new(value.clone()), Box::new(key.clone())),
            result: result.clone(),
        };
        *conditions = pairs.iter().map(when).collect();
        *else_result = default.first().cloned().map(Box::new);
    }
    Some(case)
}

/// What the second argument of `first(x, true)` says, where it is one of those.
fn ignores_nulls(name: &str, args: &[Expr]) -> Option<bool> {
    const FUNCTIONS: [&str; 5] = ["any_value", "first", "first_value", "last", "last_value"];
    match args {
        [_, Expr::Value(value)] if FUNCTIONS.contains(&name) => match value.value {
            Value::Boolean(ignores) => Some(ignores),
            _ => None,
        },
        _ => None,
    }
}

/// `percentile(x, array(0.25, 0.5))` is an array of one for each share.
fn each_percentile(
    name: &str,
    function: &Function,
    args: &[Expr],
    kind: &CastKind,
) -> Option<Expr> {
    const FUNCTIONS: [&str; 3] = ["approx_percentile", "percentile", "percentile_approx"];
    let [value, shares, ..] = args else {
        return None;
    };
    if !FUNCTIONS.contains(&name) {
        return None;
    }
    let shares: Vec<Expr> = match shares {
        Expr::Array(array) => array.elem.clone(),
        Expr::Function(list) if ["array", "make_array"].contains(&called(list).as_str()) => {
            plain_args(list)?.into_iter().cloned().collect()
        }
        Expr::Nested(inner) => {
            let args = [value.clone(), (**inner).clone()];
            return each_percentile(name, function, &args, kind);
        }
        _ => return None,
    };
    let one = |share: Expr| {
        let mut one = function.clone();
        if let FunctionArguments::List(list) = &mut one.args {
            list.args.truncate(2);
            list.args[1] = FunctionArg::Unnamed(FunctionArgExpr::Expr(share));
        }
        of_call(&one, kind)
    };
    let percentiles: Option<Vec<Expr>> = shares.into_iter().map(one).collect();
    Some(synonyms::call_of("make_array", percentiles?))
}

fn called(function: &Function) -> String {
    function.name.to_string().to_ascii_lowercase()
}

fn is_distinct(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list) if list.duplicate_treatment.is_some())
}

/// Whether there is more to a call than its arguments.
fn has_clauses(function: &Function) -> bool {
    function.over.is_some() || function.filter.is_some() || is_distinct(function)
}

/// Gives `call` what `function` has beside its arguments; nothing where that has no meaning.
fn with_clauses(call: &mut Function, function: &Function) -> Option<()> {
    call.over.clone_from(&function.over);
    call.filter = match (call.filter.take(), function.filter.clone()) {
        (Some(own), Some(more)) => Some(Box::new(Expr::BinaryOp {
            left: own,
            op: BinaryOperator::And,
            right: more,
        })),
        (own, more) => own.or(more),
    };
    if !is_distinct(function) {
        return Some(());
    }
    match (&mut call.args, &function.args) {
        (FunctionArguments::List(own), FunctionArguments::List(list))
            if own.args.len() == list.args.len() =>
        {
            own.duplicate_treatment = list.duplicate_treatment;
            Some(())
        }
        _ => None,
    }
}

fn templates() -> &'static HashMap<(&'static str, usize), Expr> {
    static TEMPLATES: OnceLock<HashMap<(&'static str, usize), Expr>> = OnceLock::new();
    let parse = |text| {
        let mut parser = Parser::new(&GenericDialect).try_with_sql(text).ok()?;
        parser.parse_expr().ok()
    };
    TEMPLATES.get_or_init(|| {
        let parsed = CALLS.iter();
        parsed
            .filter_map(|(name, args, text)| Some(((*name, *args), parse(text)?)))
            .collect()
    })
}

/// Puts an argument where `$1` or the like stands for it, and makes a cast one of `kind`.
fn fill(part: &mut Expr, args: &[Expr], kind: &CastKind) {
    match part {
        Expr::Cast { kind: own, .. } => own.clone_from(kind),
        Expr::Value(value) => {
            if let Value::Placeholder(place) = &value.value
                && let Some(number) = place.strip_prefix('$')
                && let Ok(number) = number.parse::<usize>()
                && let Some(arg) = args.get(number.wrapping_sub(1))
            {
                *part = Expr::Nested(Box::new(arg.clone()));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_written_in_sql() {
        assert_eq!(templates().len(), CALLS.len());
    }
}
