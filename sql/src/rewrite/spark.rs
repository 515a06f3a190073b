//! What Spark alone writes and the planner reads otherwise.

use std::ops::ControlFlow;

use sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Query, Select, TableFactor, UnaryOperator, Value, ValueWithSpan, VisitorMut,
};

use crate::synonyms::call_of;
use crate::{generators, hive_clauses, lateral_views, spark_calls};

pub(super) struct Spark {
    /// A cast that fails gives NULL.
    pub(super) lenient: bool,
}

impl VisitorMut for Spark {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        hive_clauses::rewrite_sorting(query);
        lateral_views::rewrite_query(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, relation: &mut TableFactor) -> ControlFlow<()> {
        hive_clauses::name_values(relation);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        lateral_views::rewrite_select(select);
        hive_clauses::forget_sorting(select);
        hive_clauses::rewrite_joins(select);
        generators::rewrite_select(select);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(function) => {
                if let Some(written) = spark_calls::of_call(function, &self.kind()) {
                    *expr = written;
                    return ControlFlow::Continue(());
                }
                replace_all_matches(function);
                if let Some((data_type, operand)) = cast_function(function) {
                    *expr = cast(operand, data_type, self.kind());
                }
            }
            Expr::Struct { values, fields } if fields.is_empty() && !values.is_empty() => {
                *expr = with_field_names(values);
            }
            Expr::RLike {
                negated,
                expr: text,
                pattern,
                ..
            } => *expr = regexp_like(*negated, (**text).clone(), (**pattern).clone()),
            Expr::Value(value) => {
                if let Some(literal) = number(value) {
                    *expr = literal;
                }
            }
            Expr::UnaryOp {
                op: UnaryOperator::BitwiseNot,
                expr: operand,
            } => *expr = call_of("bitwise_not", [(**operand).clone()]),
            Expr::Cast { kind, .. } if self.lenient && *kind == CastKind::Cast => {
                *kind = CastKind::TryCast;
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Spark {
    fn kind(&self) -> CastKind {
        match self.lenient {
            true => CastKind::TryCast,
            false => CastKind::Cast,
        }
    }
}

pub(super) fn cast(operand: Expr, data_type: DataType, kind: CastKind) -> Expr {
    Expr::Cast {
        kind,
        expr: Box::new(operand),
        data_type,
        array: false,
        format: None,
    }
}

/// `int(x)` is `CAST(x AS INT)`, and so on.
fn cast_function(function: &Function) -> Option<(DataType, Expr)> {
    let [name] = function.name.0.as_slice() else {
        return None;
    };
    let data_type = match name.as_ident()?.value.to_ascii_lowercase().as_str() {
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::TinyInt(None),
        "smallint" => DataType::SmallInt(None),
        "int" => DataType::Int(None),
        "bigint" => DataType::BigInt(None),
        "float" => DataType::Float(ExactNumberInfo::None),
        "double" => DataType::Double(ExactNumberInfo::None),
        "decimal" => DataType::Decimal(ExactNumberInfo::None),
        "string" => DataType::Text,
        "binary" => DataType::Binary(None),
        "date" => DataType::Date,
        "timestamp" => DataType::Timestamp(None, sqlparser::ast::TimezoneInfo::None),
        _ => return None,
    };
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(operand))] => {
            Some((data_type, operand.clone()))
        }
        _ => None,
    }
}

/// `struct(a, t.b, 1 AS c, 2)` names its fields by the columns, else by their place: `a`, `b`, `c`,
/// `col4`.
fn with_field_names(values: &[Expr]) -> Expr {
    let named = values.iter().enumerate().flat_map(|(at, value)| {
        let (name, value) = match value {
            Expr::Identifier(name) => (Some(name), value),
            Expr::CompoundIdentifier(parts) => (parts.last(), value),
            Expr::Named { expr, name } => (Some(name), &**expr),
            _ => (None, value),
        };
        let name = name.map_or_else(|| format!("col{}", at + 1), |name| name.value.clone());
        let name = Value::SingleQuotedString(mica_catalog::fold(&name));
        [Expr::value(name), value.clone()]
    });
    call_of("named_struct", named.collect::<Vec<_>>())
}

/// `regexp_replace(text, pattern, by)` replaces every match in Spark, the first in DataFusion.
fn replace_all_matches(function: &mut Function) {
    let [name] = function.name.0.as_slice() else {
        return;
    };
    let named = name
        .as_ident()
        .is_some_and(|name| name.value.eq_ignore_ascii_case("regexp_replace"));
    if let FunctionArguments::List(list) = &mut function.args
        && named
        && list.args.len() == 3
    {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(by))) = &mut list.args[2]
            && let Value::SingleQuotedString(by) = &mut by.value
        {
            *by = groups_in_braces(by);
        }
        let flags = Value::SingleQuotedString("g".to_owned()).with_empty_span();
        list.args
            .push(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(
                flags,
            ))));
    }
}

/// Java's `$1_` is Rust's `${1}_`, and `\\$` is `$$`.
fn groups_in_braces(by: &str) -> String {
    let mut out = String::with_capacity(by.len());
    let mut chars = by.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(escaped) => out.push(escaped),
                None => {}
            },
            '$' if chars.peek().is_some_and(char::is_ascii_digit) => {
                out.push_str("${");
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    out.push(digit);
                }
                out.push('}');
            }
            ch => out.push(ch),
        }
    }
    out
}

fn regexp_like(negated: bool, text: Expr, pattern: Expr) -> Expr {
    let call = call_of("regexp_like", [text, pattern]);
    match negated {
        false => call,
        true => Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(call),
        },
    }
}

/// `1e3` and `1.5D` are doubles, `1L` is a bigint; the planner would read decimals and ints.
fn number(value: &ValueWithSpan) -> Option<Expr> {
    let Value::Number(digits, long) = &value.value else {
        return None;
    };
    let typed = |digits: &str, data_type| {
        let text = Value::SingleQuotedString(digits.to_owned()).with_span(value.span);
        Some(cast(Expr::Value(text), data_type, CastKind::Cast))
    };
    if *long {
        return typed(digits, DataType::BigInt(None));
    }
    if digits.contains(['e', 'E']) {
        return typed(digits, DataType::Double(ExactNumberInfo::None));
    }
    None
}
