//! DataFusion's errors in a user's words.
//!
//! Its messages speak of rules, Arrow types and its own issue tracker. Here they lose what is
//! DataFusion's business, and get SQL's names for types and literals. What the message is about
//! stays as DataFusion says it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DataFusionError, SchemaError};
use mica_catalog::near_matches;
use regex::{Captures, Regex};

use crate::registry::{Registry, function_names};
use crate::types::sql_name;
use crate::{Dialect, naming, spark_calls};

/// What `error` says, for users.
pub fn message(error: &DataFusionError) -> String {
    let mut source = error;
    if let DataFusionError::SchemaError(problem, _) = error.find_root()
        && let SchemaError::FieldNotFound {
            field,
            valid_fields,
        } = &**problem
    {
        return no_field(field, valid_fields);
    }
    // Which rule met the error is DataFusion's business.
    while let DataFusionError::Context(_, inner) = source {
        source = inner;
    }
    let said = naming::unhidden(&source.strip_backtrace());
    let said = without_prefixes(&said);
    if let Some(known) = known(said) {
        return known;
    }
    let said = said
        .split("\nThis issue was likely caused by a bug in DataFusion")
        .next()
        .unwrap_or(said);
    let said = sql_terms(without_syntax_tree(said));
    let said = said.trim_end_matches('.');
    match error.find_root() {
        DataFusionError::NotImplemented(_) if !said.to_lowercase().contains("support") => {
            let what = said.strip_suffix("not implemented").unwrap_or(said);
            format!("{} is not supported", what.trim_end())
        }
        _ => said.to_owned(),
    }
}

/// The kinds of errors, which their messages begin with, also in the middle of a chain.
fn without_prefixes(message: &str) -> &str {
    const PREFIXES: [&str; 14] = [
        "Error during planning: ",
        "Schema error: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Arrow error: ",
        "Cast error: ",
        "Compute error: ",
        "Parser error: ",
        "External error: ",
        "Resources exhausted: ",
        "Internal error: ",
        "Invalid argument error: ",
        "type_coercion\ncaused by\n",
        "resolve_grouping_function\ncaused by\n",
    ];
    let mut rest = message;
    while let Some(stripped) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = stripped;
    }
    match rest.strip_prefix("Optimizer rule ") {
        Some(rule) => rule
            .split_once("\ncaused by\n")
            .map_or(rest, |(_, cause)| without_prefixes(cause)),
        None => rest,
    }
}

/// Messages that mislead, said anew.
fn known(said: &str) -> Option<String> {
    if let Some(name) = said.strip_prefix("Invalid function '") {
        return Some(no_function(name.split('\'').next().unwrap_or(name)));
    }
    if let Some((_, call)) =
        said.split_once("No function matches the given name and argument types '")
        && let Some((name, types)) = call.split('\'').next()?.split_once('(')
    {
        let types = sql_terms(types.trim_end_matches(')'));
        return Some(match types.as_str() {
            "" => format!("function '{name}' needs arguments"),
            types => format!("function '{name}' does not take ({types}); a CAST may help"),
        });
    }
    if let Some(name) = said.strip_prefix("Schema contains duplicate qualified field name ") {
        let relation = name.split('.').next().unwrap_or(name);
        return Some(format!(
            "two relations are called '{relation}'; give one an alias"
        ));
    }
    if said.starts_with("Column in SELECT must be in GROUP BY") {
        let column = said.split("column \"").nth(1)?.split('"').next()?;
        return Some(format!(
            "column '{column}' must stand in GROUP BY or in an aggregate function"
        ));
    }
    if let Some(expr) = said.strip_prefix("Physical plan does not support logical expression ") {
        let what = match expr.split(['(', ' ', '{']).next() {
            Some("Exists") => "EXISTS outside of WHERE and HAVING",
            Some("InSubquery") => "IN (SELECT ..) outside of WHERE and HAVING",
            _ => "a subquery that uses columns of the outer query in this way",
        };
        return Some(format!("{what} is not supported"));
    }
    None
}

/// DataFusion lists every column there is, which are hundreds.
fn no_field(field: &Column, valid: &[Column]) -> String {
    const NAMED_MAX: usize = 10;
    const NEAR_MAX: usize = 3;
    let shown = |column: &Column| naming::unhidden(&column.quoted_flat_name());
    // What stands before the name tells where to look, if there is such a relation.
    let asked = field.relation.as_ref();
    let of_relation = |column: &&Column| column.relation.as_ref() == asked;
    let all: Vec<&Column> = match asked.is_some() && valid.iter().any(|column| of_relation(&column))
    {
        true => valid.iter().filter(of_relation).collect(),
        false => valid.iter().collect(),
    };
    let names: BTreeSet<&str> = all.iter().map(|column| column.name.as_str()).collect();
    let near = near_matches(&field.name, names.into_iter());
    let meant = near
        .iter()
        .flat_map(|name| all.iter().filter(move |column| column.name == *name));
    let meant: Vec<String> = meant.take(NEAR_MAX).map(|column| shown(column)).collect();
    let named = format!("No field named {}", shown(field));
    if !meant.is_empty() {
        return format!("{named}; did you mean '{}'?", meant.join("' or '"));
    }
    let known = all.iter().take(NAMED_MAX);
    let known: Vec<String> = known.map(|column| shown(column)).collect();
    match (known.is_empty(), all.len().saturating_sub(NAMED_MAX)) {
        (true, _) => named,
        (false, 0) => format!("{named}; there are {}", known.join(", ")),
        (false, more) => format!("{named}; there are {} and {more} more", known.join(", ")),
    }
}

/// DataFusion offers the nearest name however far it is, and knows no dialects.
fn no_function(name: &str) -> String {
    if Registry::of(Dialect::Ansi).window.contains_key(name) {
        return format!("'{name}' is a window function: it needs an OVER clause");
    }
    let spark = function_names(Dialect::Spark);
    if spark_calls::names().any(|known| known == name) {
        return format!(
            "function '{name}' is one of the spark dialect (SET dialect = 'spark'; where that is set, \
             it takes other arguments)"
        );
    }
    // What else Spark's dialect has can be missing in the other only.
    if spark.contains(&name) {
        return format!("function '{name}' is one of the spark dialect (SET dialect = 'spark')");
    }
    let near = near_matches(name, spark.iter().copied());
    let offered = match near.as_slice() {
        [] => String::new(),
        near => format!("did you mean '{}'? ", near.join("', '")),
    };
    format!("function '{name}' does not exist; {offered}SHOW FUNCTIONS lists all")
}

/// What stands before the debug output of a syntax tree.
fn without_syntax_tree(message: &str) -> &str {
    static TREE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?s)[ :]*\b[A-Z]\w*(\(| \{).*\bspan: Span\(.*").ok());
    match TREE.as_ref().and_then(|tree| tree.find(message)) {
        Some(tree) if tree.start() > 0 => &message[..tree.start()],
        _ => message,
    }
}

/// `Int64(1)` as `1`, `Utf8("a")` as `'a'`, `Int64` as `BIGINT`.
fn sql_terms(message: &str) -> String {
    static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"\b(?:U?Int(?:8|16|32|64)|Float(?:32|64)|Boolean)\(([^()]+)\)").ok()
    });
    static TEXT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"\b(?:Large)?Utf8(?:View)?\("([^"]*)"\)"#).ok());
    static TYPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"\b(?:U?Int(?:8|16|32|64)|Float(?:32|64)|(?:Large)?Utf8(?:View)?|Date32|Decimal128\(\d+, ?\d+\)|Timestamp\(\w+(?:, [^)]*)?\))",
        )
        .ok()
    });
    let mut text = message.to_owned();
    for (pattern, by) in [(&LITERAL, "$1"), (&TEXT, "'$1'")] {
        if let Some(pattern) = pattern.as_ref() {
            text = pattern.replace_all(&text, by).into_owned();
        }
    }
    let name = |found: &Captures<'_>| {
        let written = found[0].replace("Timestamp(None", "Timestamp(ns");
        match written.parse::<DataType>() {
            Ok(data_type) => sql_name(&data_type),
            Err(_) => found[0].to_owned(),
        }
    };
    match TYPE.as_ref() {
        Some(pattern) => pattern.replace_all(&text, name).into_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, expected: &str) {
        let error = DataFusionError::Plan(said.to_owned());
        assert_eq!(message(&error), expected);
    }

    #[test]
    fn types_and_literals_are_sql_s() {
        check(
            "HAVING clause references: v.id > Int64(1) and Utf8(\"a\")",
            "HAVING clause references: v.id > 1 and 'a'",
        );
        check(
            "Cannot coerce arithmetic expression Int64 + Utf8 to valid types",
            "Cannot coerce arithmetic expression BIGINT + VARCHAR to valid types",
        );
    }

    #[test]
    fn what_is_datafusion_s_business_is_left_out() {
        let internal = DataFusionError::Internal(
            "Function 'sum' failed to match any signature, errors: .. No function matches the \
             given name and argument types 'sum(Utf8)'. You might need to .."
                .to_owned(),
        );
        assert_eq!(
            message(&internal),
            "function 'sum' does not take (VARCHAR); a CAST may help"
        );
        check(
            "Unsupported ast node Pivot { table: Ident { value: \"v\", span: Span(Location(1,1)..) } }",
            "Unsupported ast node",
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_told_from_its_like_or_from_some() {
        let columns: Vec<Column> = (0..42)
            .map(|number| Column::new(Some("t"), format!("amount_{number}")))
            .collect();
        let said = |name: &str, columns: &[Column]| {
            let problem = SchemaError::FieldNotFound {
                field: Box::new(Column::new_unqualified(name)),
                valid_fields: columns.to_vec(),
            };
            message(&DataFusionError::SchemaError(
                Box::new(problem),
                Box::new(None),
            ))
        };
        assert_eq!(
            said("amount_7x", &columns[7..8]),
            "No field named amount_7x; did you mean 't.amount_7'?"
        );
        assert_eq!(
            said("zzz", &columns[..2]),
            "No field named zzz; there are t.amount_0, t.amount_1"
        );
        assert!(said("zzz", &columns).ends_with("t.amount_9 and 32 more"));
        let both = [Column::new(Some("a"), "id1"), Column::new(Some("b"), "id1")];
        assert_eq!(
            said("id", &both),
            "No field named id; did you mean 'a.id1' or 'b.id1'?"
        );
        assert_eq!(said("zzz", &[]), "No field named zzz");
    }

    #[test]
    fn a_window_function_is_told_from_one_of_another_dialect() {
        check(
            "Invalid function 'row_number'.\nDid you mean 'x'?",
            "'row_number' is a window function: it needs an OVER clause",
        );
    }
}
