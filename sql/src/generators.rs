//! Functions of Spark that give rows: `explode` and its kin, `stack`, `json_tuple`, in a select list
//! or in a `LATERAL VIEW`. They are written with DataFusion's `unnest`, which takes several lists side
//! by side.

use sqlparser::ast::{BinaryOperator, CaseWhen, Expr, Function, Ident, Select, SelectItem, Value};

use crate::synonyms::{binary, call_of, plain_args};
use crate::templates;

/// Rows of one `stack`: more than anybody writes, and few enough to be written out.
const STACK_ROWS_MAX: usize = 1000;

/// The columns that a call gives: expressions and their names, which are `aliases` where there are
/// any; none for what is not known. If `outer`, what gives no row gives one of NULL.
pub(crate) fn columns(
    call: &Function,
    aliases: &[Ident],
    outer: bool,
) -> Option<Vec<(Expr, Ident)>> {
    let called = call.name.to_string().to_ascii_lowercase();
    let (name, outer) = match called.as_str() {
        "explode_outer" => ("explode", true),
        "posexplode_outer" => ("posexplode", true),
        called => (called, outer),
    };
    let args: Vec<&Expr> = plain_args(call)?;
    let unnest = |list: Expr| {
        let kept = if outer { or_null(list.clone()) } else { None };
        call_of("unnest", [kept.unwrap_or(list)])
    };
    let parts: Vec<(Expr, &str)> = match (name, args.as_slice(), aliases.len()) {
        ("explode", [of], 0 | 1) => vec![(unnest((*of).clone()), "col")],
        ("explode", [of], 2) => pairs(of, unnest).into(),
        ("posexplode", [of], 3) => {
            let [key, value] = pairs(of, unnest);
            vec![(unnest(places(of)), "pos"), key, value]
        }
        ("posexplode", [of], 0 | 2) => {
            vec![(unnest(places(of)), "pos"), (unnest((*of).clone()), "col")]
        }
        ("stack", [count, values @ ..], _) => return stacked(count, values, aliases),
        ("json_tuple", [text, keys @ ..], _) => return fields(text, keys, aliases),
        _ => return None,
    };
    let fits = aliases.is_empty() || aliases.len() == parts.len();
    let named = parts.into_iter().enumerate().map(|(at, (expr, name))| {
        let given = aliases.get(at).cloned();
        (expr, given.unwrap_or_else(|| Ident::new(name)))
    });
    fits.then(|| named.collect())
}

/// Whether a call gives no row where its columns are NULL: it takes a column apart, and not what is
/// made of one.
pub(crate) fn gives_nothing_for_null(generator: &Expr) -> bool {
    let Expr::Function(call) = generator else {
        return false;
    };
    let name = call.name.to_string().to_ascii_lowercase();
    let args = plain_args(call).unwrap_or_default();
    name.contains("explode")
        && matches!(
            args.as_slice(),
            [Expr::Identifier(_) | Expr::CompoundIdentifier(_)]
        )
}

fn pairs(of: &Expr, unnest: impl Fn(Expr) -> Expr) -> [(Expr, &'static str); 2] {
    [("map_keys", "key"), ("map_values", "value")]
        .map(|(function, name)| (unnest(call_of(function, [of.clone()])), name))
}

/// From zero on.
fn places(of: &Expr) -> Expr {
    let length = call_of("size", [of.clone()]);
    call_of("range", [number(0), length])
}

/// A list of one NULL for one that is empty or NULL.
fn or_null(list: Expr) -> Option<Expr> {
    let length = call_of("cardinality", [list.clone()]);
    let nothing = call_of("make_array", [Expr::value(Value::Null)]);
    let some = CaseWhen {
        condition: binary(&length, BinaryOperator::Gt, &number(0)),
        result: list,
    };
    templates::case(None, vec![some], Some(nothing))
}

fn number(number: usize) -> Expr {
    Expr::value(Value::Number(number.to_string(), false))
}

/// `stack(2, a, b, c, d)` is the rows `a, b` and `c, d`.
fn stacked(count: &Expr, values: &[&Expr], aliases: &[Ident]) -> Option<Vec<(Expr, Ident)>> {
    let Expr::Value(count) = count else {
        return None;
    };
    let rows: usize = match &count.value {
        Value::Number(digits, _) => digits.parse().ok()?,
        _ => return None,
    };
    if !(1..=STACK_ROWS_MAX).contains(&rows) || values.is_empty() {
        return None;
    }
    let width = values.len().div_ceil(rows);
    if !aliases.is_empty() && aliases.len() != width {
        return None;
    }
    let column = |at: usize| {
        let cell = |row: usize| match values.get(row * width + at) {
            Some(value) => (*value).clone(),
            None => Expr::value(Value::Null),
        };
        let list = call_of("make_array", (0..rows).map(cell).collect::<Vec<_>>());
        let given = aliases.get(at).cloned();
        let name = given.unwrap_or_else(|| Ident::new(format!("col{at}")));
        (call_of("unnest", [list]), name)
    };
    Some((0..width).map(column).collect())
}

/// The fields of a JSON text, at its top level.
fn fields(text: &Expr, keys: &[&Expr], aliases: &[Ident]) -> Option<Vec<(Expr, Ident)>> {
    if keys.is_empty() || !(aliases.is_empty() || aliases.len() == keys.len()) {
        return None;
    }
    let field = |(at, key): (usize, &&Expr)| {
        let literal = |text: &str| Expr::value(Value::SingleQuotedString(text.to_owned()));
        let path = call_of("concat", [literal("$['"), (*key).clone(), literal("']")]);
        let given = aliases.get(at).cloned();
        let name = given.unwrap_or_else(|| Ident::new(format!("c{at}")));
        (call_of("mica_get_json_object", [text.clone(), path]), name)
    };
    Some(keys.iter().enumerate().map(field).collect())
}

/// Spreads the one generator of a select list. Several would be a product, which they are not here.
pub(crate) fn rewrite_select(select: &mut Select) {
    let found: Vec<_> = select
        .projection
        .iter()
        .enumerate()
        .filter_map(|(at, item)| Some((at, spread(item)?)))
        .collect();
    let Ok([(at, columns)]) = <[_; 1]>::try_from(found) else {
        return;
    };
    let items = columns.into_iter();
    let items = items.map(|(expr, alias)| SelectItem::ExprWithAlias { expr, alias });
    select.projection.splice(at..=at, items);
}

/// Whether a select list has more of them than [`rewrite_select`] knows to spread.
pub(crate) fn are_several(select: &Select) -> bool {
    let items = select.projection.iter();
    items.filter(|item| spread(item).is_some()).count() > 1
}

/// How many columns an item of a select list gives.
pub(crate) fn width(item: &SelectItem) -> usize {
    spread(item).map_or(1, |columns| columns.len())
}

fn spread(item: &SelectItem) -> Option<Vec<(Expr, Ident)>> {
    let (call, aliases) = match item {
        SelectItem::UnnamedExpr(Expr::Function(call)) => (call, &[][..]),
        SelectItem::ExprWithAlias {
            expr: Expr::Function(call),
            alias,
        } => (call, std::slice::from_ref(alias)),
        SelectItem::ExprWithAliases {
            expr: Expr::Function(call),
            aliases,
        } => (call, aliases.as_slice()),
        _ => return None,
    };
    columns(call, aliases, false)
}
