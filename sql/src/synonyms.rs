//! Functions under the names that ODBC, BI tools and other engines call them by.
//!
//! A call is rewritten where the dialect has no function of its name: into the function that it has
//! instead, or into an expression of SQL. Names and meanings are those of the ODBC Programmer's
//! Reference, appendix E, and, for `date_add`, `date_diff` and their kin, of what Power BI and
//! Tableau write.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, Interval,
    ObjectName, TimezoneInfo, Value,
};

use crate::Dialect;
use crate::functions::differences;
use crate::registry::Registry;
use crate::spark_calls;
use crate::units::Unit;

/// Functions that differ by name alone.
const NAMES: [(&str, &str); 15] = [
    ("approx_count_distinct", "approx_distinct"),
    ("ceiling", "ceil"),
    ("char", "chr"),
    ("curdate", "current_date"),
    ("curtime", "current_time"),
    ("database", "current_catalog"),
    ("endswith", "ends_with"),
    ("filter", "array_filter"),
    ("lcase", "lower"),
    ("rand", "random"),
    ("sign", "signum"),
    ("startswith", "starts_with"),
    ("transform", "array_transform"),
    ("truncate", "trunc"),
    ("ucase", "upper"),
];

/// The expression that a call stands for, if it is none of the dialect's own functions.
pub(crate) fn of_call(function: &Function, dialect: Dialect) -> Option<Expr> {
    let [part] = function.name.0.as_slice() else {
        return None;
    };
    let name = part.as_ident()?.value.to_ascii_lowercase();
    if let Some(moment) = of_moments(&name, function, dialect) {
        return Some(moment);
    }
    if let Some(moment) = of_clock(&name, function) {
        return Some(moment);
    }
    // DataFusion's `position(a, b)` is `POSITION(b IN a)`; everybody else's is `POSITION(a IN b)`.
    if Registry::of(dialect).knows(&name) && name != "position" {
        return None;
    }
    let args = plain_args(function)?;
    if dialect == Dialect::Spark && spark_calls::is_one(&name, args.len()) {
        return None;
    }
    if let Some((_, other)) = NAMES.iter().find(|(known, _)| *known == name) {
        let mut renamed = function.clone();
        renamed.name = ObjectName::from(vec![Ident::new(*other)]);
        return Some(Expr::Function(renamed));
    }
    rewritten(&name, &args)
}

/// `current_timestamp(3)`, `localtimestamp`: clocks have microseconds here, and to ask for fewer digits
/// is allowed.
fn of_clock(name: &str, function: &Function) -> Option<Expr> {
    let bare = plain_args(function)?.is_empty();
    let now = || call("now", []);
    match name {
        "localtimestamp" => Some(cast(&now(), DataType::Timestamp(None, TimezoneInfo::None))),
        "current_timestamp" if !bare => Some(now()),
        "current_time" | "localtime" if !bare || name == "localtime" => {
            Some(call("current_time", []))
        }
        _ => None,
    }
}

/// The expression of SQL that a call of that name stands for.
fn rewritten(name: &str, args: &[&Expr]) -> Option<Expr> {
    Some(match (name, args) {
        ("mod", [a, b]) => binary(a, BinaryOperator::Modulo, b),
        // In `ansi` the registry has it, to the base of ten.
        ("log", [number]) => call("ln", [number]),
        ("log", [base, number]) => binary(
            &call("ln", [number]),
            BinaryOperator::Divide,
            &call("ln", [base]),
        ),
        ("locate" | "position", [part, whole]) => call("strpos", [whole, part]),
        ("locate" | "position", [part, whole, from]) => located(part, whole, from),
        ("insert", [text, from, length, by]) => Expr::Overlay {
            expr: Box::new((*text).clone()),
            overlay_what: Box::new((*by).clone()),
            overlay_from: Box::new((*from).clone()),
            overlay_for: Some(Box::new((*length).clone())),
        },
        ("space", [count]) => call("repeat", [&text(" "), count]),
        ("dayname", [moment]) => call("to_char", [moment, &text("%A")]),
        ("monthname", [moment]) => call("to_char", [moment, &text("%B")]),
        ("epoch", [moment]) => Expr::Extract {
            field: DateTimeField::Epoch,
            syntax: sqlparser::ast::ExtractSyntax::From,
            expr: Box::new((*moment).clone()),
        },
        ("to_varchar" | "to_text", [value]) => cast(value, DataType::Varchar(None)),
        ("todate", [value]) => cast(value, DataType::Date),
        _ => return None,
    })
}

/// `timestampadd(DAY, n, x)`, `date_diff('month', a, b)` and their kin: three arguments, of which the
/// first is a unit, bare or quoted.
fn of_moments(name: &str, function: &Function, dialect: Dialect) -> Option<Expr> {
    let args = plain_args(function)?;
    let [unit, first, second] = args.as_slice() else {
        return None;
    };
    let unit_name = match unit {
        Expr::Identifier(unit) => &unit.value,
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(unit) => unit,
            _ => return None,
        },
        _ => return None,
    };
    let quoted = text(unit_name);
    let Some(unit) = Unit::parse(unit_name) else {
        // The function tells what is wrong.
        let meant = matches!(name, "timestampadd" | "timestampdiff" | "date_diff");
        return meant.then(|| call(differences::WHOLE, [&quoted, first, second]));
    };
    match name {
        "timestampadd" | "dateadd" | "date_add" => {
            let days = dialect != Dialect::Spark && !unit.is_time();
            Some(added(unit, first, second, days))
        }
        "timestampdiff" => Some(call(differences::WHOLE, [&quoted, first, second])),
        "datediff" | "date_diff" => {
            let function = match dialect {
                Dialect::Spark => differences::WHOLE,
                Dialect::Ansi => differences::BORDERS,
            };
            Some(call(function, [&quoted, first, second]))
        }
        _ => None,
    }
}

/// `moment + (count * INTERVAL '1 unit')`. A date plus `days` stays a date; all else is a timestamp.
fn added(unit: Unit, count: &Expr, moment: &Expr, days: bool) -> Expr {
    let is_text = matches!(
        moment,
        Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_))
    );
    let moment = match is_text || !days {
        true => cast(moment, DataType::Timestamp(None, TimezoneInfo::None)),
        false => moment.clone(),
    };
    let interval = Expr::Interval(Interval {
        value: Box::new(text(unit.interval())),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    });
    let count = Expr::Nested(Box::new(count.clone()));
    let added = binary(&count, BinaryOperator::Multiply, &interval);
    Expr::Nested(Box::new(binary(
        &moment,
        BinaryOperator::Plus,
        &Expr::Nested(Box::new(added)),
    )))
}

/// Where `part` is in `whole`, from the character `from` on; 0 if it is not.
fn located(part: &Expr, whole: &Expr, from: &Expr) -> Expr {
    let rest = call("substr", [whole, from]);
    let found = call("strpos", [&rest, part]);
    let before = binary(from, BinaryOperator::Minus, &number(1));
    let place = binary(
        &found,
        BinaryOperator::Plus,
        &Expr::Nested(Box::new(before)),
    );
    Expr::Case {
        case_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        end_token: sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![sqlparser::ast::CaseWhen {
            condition: binary(&found, BinaryOperator::Eq, &number(0)),
            result: number(0),
        }],
        else_result: Some(Box::new(place)),
    }
}

/// The type that ODBC's `CONVERT(x, SQL_INTEGER)` casts to; a type of SQL is itself.
pub(crate) fn converted(data_type: &DataType) -> DataType {
    let DataType::Custom(name, arguments) = data_type else {
        return data_type.clone();
    };
    if !arguments.is_empty() {
        return data_type.clone();
    }
    match name.to_string().to_ascii_uppercase().as_str() {
        "SQL_BIT" => DataType::Boolean,
        "SQL_TINYINT" => DataType::TinyInt(None),
        "SQL_SMALLINT" => DataType::SmallInt(None),
        "SQL_INTEGER" => DataType::Integer(None),
        "SQL_BIGINT" => DataType::BigInt(None),
        "SQL_REAL" => DataType::Real,
        "SQL_FLOAT" | "SQL_DOUBLE" => DataType::Double(ExactNumberInfo::None),
        "SQL_DECIMAL" | "SQL_NUMERIC" => DataType::Decimal(ExactNumberInfo::None),
        "SQL_CHAR" | "SQL_VARCHAR" | "SQL_LONGVARCHAR" | "SQL_WCHAR" | "SQL_WVARCHAR"
        | "SQL_WLONGVARCHAR" => DataType::Varchar(None),
        "SQL_DATE" | "SQL_TYPE_DATE" => DataType::Date,
        "SQL_TIME" | "SQL_TYPE_TIME" => DataType::Time(None, TimezoneInfo::None),
        "SQL_TIMESTAMP" | "SQL_TYPE_TIMESTAMP" => DataType::Timestamp(None, TimezoneInfo::None),
        "SQL_BINARY" | "SQL_VARBINARY" | "SQL_LONGVARBINARY" => DataType::Varbinary(None),
        _ => data_type.clone(),
    }
}

/// The arguments of a call that has nothing else.
pub(crate) fn plain_args(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return match function.args {
            FunctionArguments::None => Some(Vec::new()),
            _ => None,
        };
    };
    list.args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

fn call<const N: usize>(name: &str, args: [&Expr; N]) -> Expr {
    call_of(name, args.into_iter().cloned())
}

/// A call of the function `name`.
pub(crate) fn call_of(name: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
    let arg = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(arg).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `left op right`.
pub(crate) fn binary(left: &Expr, op: BinaryOperator, right: &Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left.clone()),
        op,
        right: Box::new(right.clone()),
    }
}

fn cast(expr: &Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr.clone()),
        data_type,
        array: false,
        format: None,
    }
}

fn text(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_owned()))
}

fn number(number: u8) -> Expr {
    Expr::value(Value::Number(number.to_string(), false))
}
