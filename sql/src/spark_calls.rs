//! Functions of Spark that are written in terms of others.

mod percentiles;
mod table;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, Expr, Function, FunctionArguments, NullTreatment, Value,
    visit_expressions_mut,
};

use crate::synonyms::plain_args;
use crate::templates;
use percentiles::each_percentile;
use table::CALLS;

/// Names that are called, for messages.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(name, ..)| *name)
}

/// Whether a call of `name` stands for something else.
pub(crate) fn is_one(name: &str, args: usize) -> bool {
    calls().contains_key(&(name, args))
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
    let mut written = calls().get(&(name.as_str(), args.len()))?.clone();
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

/// `decode(x, a, 'A', b, 'B', 'other')` is a CASE. NULL is like NULL in it.
fn decoded(args: &[Expr]) -> Option<Expr> {
    let (value, rest) = args.split_first()?;
    let (pairs, default) = rest.as_chunks::<2>();
    let is_null = |key: &Expr| matches!(key, Expr::Value(value) if value.value == Value::Null);
    let has_nulls = pairs.iter().any(|[key, _]| is_null(key));
    let branch = |[key, result]: &[Expr; 2]| CaseWhen {
        condition: match has_nulls {
            true => Expr::IsNotDistinctFrom(Box::new(value.clone()), Box::new(key.clone())),
            false => key.clone(),
        },
        result: result.clone(),
    };
    // The value is computed once where it can be.
    let operand = (!has_nulls).then(|| value.clone());
    let branches = pairs.iter().map(branch).collect();
    templates::case(operand, branches, default.first().cloned())
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

fn is_distinct(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list) if list.duplicate_treatment.is_some())
}

/// Whether there is more to a call than its arguments.
fn has_clauses(function: &Function) -> bool {
    let clauses =
        matches!(&function.args, FunctionArguments::List(list) if !list.clauses.is_empty());
    clauses
        || function.over.is_some()
        || function.filter.is_some()
        || function.null_treatment.is_some()
        || !function.within_group.is_empty()
        || is_distinct(function)
}

/// Gives `call` what `function` has beside its arguments; nothing where that has no meaning.
fn with_clauses(call: &mut Function, function: &Function) -> Option<()> {
    call.over.clone_from(&function.over);
    if function.null_treatment.is_some() {
        call.null_treatment = function.null_treatment;
    }
    if let (FunctionArguments::List(own), FunctionArguments::List(list)) =
        (&mut call.args, &function.args)
        && !list.clauses.is_empty()
    {
        if !own.clauses.is_empty() {
            return None;
        }
        own.clauses.clone_from(&list.clauses);
    }
    if !function.within_group.is_empty() {
        return None;
    }
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

fn calls() -> &'static HashMap<(&'static str, usize), Expr> {
    static CALLS_READ: OnceLock<HashMap<(&'static str, usize), Expr>> = OnceLock::new();
    CALLS_READ.get_or_init(|| {
        let parsed = CALLS.iter();
        parsed
            .filter_map(|(name, args, text)| Some(((*name, *args), templates::expression(text)?)))
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
        assert_eq!(calls().len(), CALLS.len());
    }
}
