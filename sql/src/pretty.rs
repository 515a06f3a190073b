//! Expressions as Spark prints them in column names (`toPrettySQL` of Spark's catalyst, 4.0).
//!
//! Columns lose their qualifiers, texts their quotes, functions are lower case (those of
//! mathematics upper case), operators stand in brackets. What is rare is printed as it was parsed.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, DuplicateTreatment, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, TypedString, UnaryOperator, Value,
};

/// `expr` as Spark would name its column.
pub(crate) fn spark(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map_or_else(String::new, |p| p.value.clone())
        }
        Expr::Nested(inner) => spark(inner),
        Expr::Value(value) => literal(&value.value),
        Expr::TypedString(typed) => typed_string(typed),
        Expr::UnaryOp { op, expr } => unary(*op, expr),
        Expr::BinaryOp { left, op, right } => binary(left, op, right),
        Expr::Cast {
            kind,
            expr,
            data_type,
            ..
        } => cast(kind, expr, data_type),
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => case(operand.as_deref(), conditions, else_result.as_deref()),
        Expr::Function(function) => call(function),
        Expr::Subquery(_) => "scalarsubquery()".to_owned(),
        Expr::Ceil { expr, .. } => format!("CEIL({})", spark(expr)),
        Expr::Floor { expr, .. } => format!("FLOOR({})", spark(expr)),
        Expr::Extract { field, expr, .. } => format!("extract({field} FROM {})", spark(expr)),
        other => predicate(other).unwrap_or_else(|| other.to_string()),
    }
}

/// What is true or false of a value: `IS NULL`, `IN`, `BETWEEN`, `LIKE`.
fn predicate(expr: &Expr) -> Option<String> {
    let (negated, text) = match expr {
        Expr::IsNull(inner) => (false, format!("({} IS NULL)", spark(inner))),
        Expr::IsNotNull(inner) => (false, format!("({} IS NOT NULL)", spark(inner))),
        Expr::InList {
            expr,
            list,
            negated,
        } => (
            *negated,
            format!("({} IN ({}))", spark(expr), listed(list.iter())),
        ),
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => (
            *negated,
            format!("between({}, {}, {})", spark(expr), spark(low), spark(high)),
        ),
        Expr::Like {
            negated,
            expr,
            pattern,
            ..
        } => (*negated, format!("{} LIKE {}", spark(expr), spark(pattern))),
        Expr::RLike {
            negated,
            expr,
            pattern,
            ..
        } => (
            *negated,
            format!("RLIKE({}, {})", spark(expr), spark(pattern)),
        ),
        _ => return None,
    };
    Some(not(negated, text))
}

fn listed<'a>(exprs: impl Iterator<Item = &'a Expr>) -> String {
    exprs.map(spark).collect::<Vec<_>>().join(", ")
}

fn not(negated: bool, text: String) -> String {
    match negated {
        true => format!("(NOT {text})"),
        false => text,
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Number(digits, _) => digits.clone(),
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
        other => other.to_string(),
    }
}

fn typed_string(typed: &TypedString) -> String {
    format!("{} '{}'", typed.data_type, literal(&typed.value.value))
}

fn unary(op: UnaryOperator, expr: &Expr) -> String {
    match (op, expr) {
        (UnaryOperator::Minus, Expr::Value(value)) => format!("-{}", literal(&value.value)),
        (UnaryOperator::Not, expr) => format!("(NOT {})", spark(expr)),
        (UnaryOperator::BitwiseNot, expr) => format!("~{}", spark(expr)),
        (op, expr) => format!("({op} {})", spark(expr)),
    }
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr) -> String {
    let op = match op {
        BinaryOperator::MyIntegerDivide => "div".to_owned(),
        BinaryOperator::Eq => "=".to_owned(),
        // `a <> b` is `NOT (a = b)` to Spark.
        BinaryOperator::NotEq => return format!("(NOT ({} = {}))", spark(left), spark(right)),
        BinaryOperator::StringConcat => {
            return format!("concat({}, {})", spark(left), spark(right));
        }
        op => op.to_string(),
    };
    format!("({} {op} {})", spark(left), spark(right))
}

fn cast(kind: &CastKind, expr: &Expr, data_type: &DataType) -> String {
    let call = match kind {
        CastKind::TryCast => "TRY_CAST",
        _ => "CAST",
    };
    let data_type = data_type.to_string().to_uppercase();
    format!("{call}({} AS {data_type})", spark(expr))
}

fn case(operand: Option<&Expr>, conditions: &[CaseWhen], otherwise: Option<&Expr>) -> String {
    let mut text = "CASE".to_owned();
    for CaseWhen { condition, result } in conditions {
        let condition = match operand {
            Some(operand) => format!("({} = {})", spark(operand), spark(condition)),
            None => spark(condition),
        };
        text += &format!(" WHEN {condition} THEN {}", spark(result));
    }
    if let Some(otherwise) = otherwise {
        text += &format!(" ELSE {}", spark(otherwise));
    }
    text + " END"
}

/// Functions of mathematics, whose names Spark prints in upper case.
const UPPER: [&str; 34] = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "cos", "cosh",
    "cot", "csc", "degrees", "e", "exp", "expm1", "floor", "hypot", "log10", "log1p", "log2", "pi",
    "power", "radians", "rint", "sec", "sign", "signum", "sin", "sinh", "sqrt", "tan", "tanh",
];

fn call(function: &Function) -> String {
    let written = function.name.to_string().to_lowercase();
    let name = match written.as_str() {
        math if UPPER.contains(&math) => math.to_uppercase(),
        _ => written.clone(),
    };
    let FunctionArguments::List(list) = &function.args else {
        return format!("{name}()");
    };
    let distinct = match list.duplicate_treatment {
        Some(DuplicateTreatment::Distinct) => "DISTINCT ",
        _ => "",
    };
    let args: Vec<String> = list
        .args
        .iter()
        .map(|arg| argument(arg, &written))
        .collect();
    let call = match (written.as_str(), args.as_slice()) {
        ("if", [condition, then, otherwise]) => format!("(IF({condition}, {then}, {otherwise}))"),
        ("explode", [_]) => "col".to_owned(),
        _ => format!("{name}({distinct}{})", args.join(", ")),
    };
    let call = match &function.filter {
        Some(filter) => format!("{call} FILTER (WHERE {})", spark(filter)),
        None => call,
    };
    match &function.over {
        Some(over) => format!("{call} OVER {over}"),
        None => call,
    }
}

fn argument(arg: &FunctionArg, function: &str) -> String {
    let (FunctionArg::Unnamed(value)
    | FunctionArg::Named { arg: value, .. }
    | FunctionArg::ExprNamed { arg: value, .. }) = arg;
    match value {
        FunctionArgExpr::Expr(expr) => spark(expr),
        // `count(*)` counts ones.
        FunctionArgExpr::Wildcard if function == "count" => "1".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::DatabricksDialect;
    use sqlparser::parser::Parser;

    use super::*;

    #[track_caller]
    fn check(written: &str, expected: &str) {
        let mut parser = Parser::new(&DatabricksDialect {})
            .try_with_sql(written)
            .unwrap();
        assert_eq!(spark(&parser.parse_expr().unwrap()), expected);
    }

    /// Names that Spark 4.0.5 gave.
    #[test]
    fn expressions_are_named_as_spark_names_them() {
        check("COUNT(*)", "count(1)");
        check("count(DISTINCT t.cust)", "count(DISTINCT cust)");
        check("1 + 2", "(1 + 2)");
        check(
            "(sum(k) * 100.0) / count(*)",
            "((sum(k) * 100.0) / count(1))",
        );
        check("CAST('1' AS INT)", "CAST(1 AS INT)");
        check("cast(10 as decimal(10,2))", "CAST(10 AS DECIMAL(10,2))");
        check(
            "CASE WHEN true THEN 1 ELSE 2 END",
            "CASE WHEN true THEN 1 ELSE 2 END",
        );
        check(
            "CASE 'a' WHEN 'a' THEN 1 END",
            "CASE WHEN (a = a) THEN 1 END",
        );
        check("x IS NOT NULL", "(x IS NOT NULL)");
        check("1 IN (1, 2, NULL)", "(1 IN (1, 2, NULL))");
        check("NOT 1 = 2", "(NOT (1 = 2))");
        check("DATE'2024-01-01'", "DATE '2024-01-01'");
        check("exp(1)", "EXP(1)");
        check("-7 % 3", "(-7 % 3)");
        check("if(1 > 0, 'y', 'n')", "(IF((1 > 0), y, n))");
        check(
            "datediff('2024-03-10', '2024-02-28')",
            "datediff(2024-03-10, 2024-02-28)",
        );
    }
}
