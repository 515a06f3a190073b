//! `PIVOT` and `UNPIVOT` as subqueries.
//!
//! ```text
//! t PIVOT (sum(amount) FOR quarter IN ('Q1', 'Q2'))
//!   -> (SELECT * EXCLUDE (amount, quarter), sum(amount) FILTER (WHERE quarter = 'Q1') AS "Q1", ..
//!       FROM t GROUP BY ALL)
//! t UNPIVOT (amount FOR month IN (jan, feb))
//!   -> (SELECT * FROM (SELECT * EXCLUDE (jan, feb), unnest(['jan', 'feb']) AS month,
//!       unnest([jan, feb]) AS amount FROM t) WHERE amount IS NOT NULL)
//! ```
//!
//! Names of columns, and NULL for what has no rows, are Spark's.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use mica_catalog::fold;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, ExcludeSelectItem, Expr, ExprWithAlias, Ident,
    NullInclusion, ObjectName, PivotValueSource, SelectItem, TableFactor, Value, Visit, Visitor,
    WildcardAdditionalOptions, visit_expressions_mut,
};

use crate::registry::Registry;
use crate::spelling::spelled;
use crate::synonyms::{binary, call_of};
use crate::{Dialect, StatementText, spark_calls, synonyms, templates};

/// Whether [`rewrite`] knows how to write `factor`.
pub(crate) fn is_known(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Pivot {
            value_source,
            default_on_null,
            ..
        } => matches!(value_source, PivotValueSource::List(_)) && default_on_null.is_none(),
        TableFactor::Unpivot { value, columns, .. } => {
            let is_column = |column: &ExprWithAlias| name_of(&column.expr).is_some();
            matches!(value, Expr::Identifier(_)) && columns.iter().all(is_column)
        }
        _ => true,
    }
}

/// Writes a pivoted relation as a subquery.
pub(crate) fn rewrite(factor: &mut TableFactor, dialect: Dialect, text: &StatementText) {
    if let Some(subquery) = pivoted(factor, dialect).or_else(|| unpivoted(factor, text)) {
        *factor = subquery;
    }
}

fn pivoted(factor: &TableFactor, dialect: Dialect) -> Option<TableFactor> {
    let TableFactor::Pivot {
        table,
        aggregate_functions,
        value_column,
        value_source: PivotValueSource::List(values),
        default_on_null: None,
        alias,
    } = factor
    else {
        return None;
    };
    let mut used = Columns::default();
    let _ = aggregate_functions.visit(&mut used);
    let _ = value_column.visit(&mut used);
    let mut items = vec![all_but(used.0)];
    let mut names = names(factor, &|name| name.value.clone()).into_iter();
    for value in values {
        let condition = is_value(value_column, &value.expr)?;
        for aggregate in aggregate_functions {
            items.push(SelectItem::ExprWithAlias {
                expr: filtered(&aggregate.expr, &condition, dialect)?,
                alias: Ident::with_quote('"', fold(&names.next()?)),
            });
        }
    }
    let mut subquery = templates::subquery("(SELECT 1 FROM t GROUP BY ALL)")?;
    let select = templates::select_of(&mut subquery)?;
    select.projection = items;
    select.from.first_mut()?.relation = (**table).clone();
    Some(with_alias(subquery, alias))
}

/// The columns that a `PIVOT` makes, by value and aggregate; `spelled` tells how a name is written.
pub(crate) fn names(factor: &TableFactor, spelled: &dyn Fn(&Ident) -> String) -> Vec<String> {
    let TableFactor::Pivot {
        aggregate_functions,
        value_source: PivotValueSource::List(values),
        ..
    } = factor
    else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for value in values {
        let value = match &value.alias {
            Some(alias) => spelled(alias),
            None => shown(&value.expr),
        };
        match aggregate_functions.as_slice() {
            [_] => names.push(value),
            several => names.extend(several.iter().map(|aggregate| {
                let own = aggregate.alias.as_ref().map(spelled);
                let own = own.unwrap_or_else(|| aggregate.expr.to_string());
                format!("{value}_{own}")
            })),
        }
    }
    names
}

/// The aggregates of `expr` over the rows of `condition`; NULL where there are none. None if `expr` has
/// no aggregate.
fn filtered(expr: &Expr, condition: &Expr, dialect: Dialect) -> Option<Expr> {
    let mut filtered = expr.clone();
    written_out(&mut filtered, dialect);
    let registry = Registry::of(dialect);
    let mut found = false;
    let _ = visit_expressions_mut(&mut filtered, |part| {
        if let Expr::Function(call) = part
            && registry
                .aggregate
                .contains_key(&fold(&call.name.to_string()))
        {
            let own = call.filter.take();
            let both = |own: Box<Expr>| binary(&own, BinaryOperator::And, condition);
            call.filter = Some(Box::new(own.map_or_else(|| condition.clone(), both)));
            found = true;
        }
        ControlFlow::<()>::Continue(())
    });
    // A count of nothing is zero, and there is none of it here.
    let mut rows = call_of("count", [Expr::value(Value::Number("1".to_owned(), false))]);
    if let Expr::Function(call) = &mut rows {
        call.filter = Some(Box::new(condition.clone()));
    }
    let zero = Expr::value(Value::Number("0".to_owned(), false));
    let some = CaseWhen {
        condition: binary(&rows, BinaryOperator::Gt, &zero),
        result: filtered,
    };
    let case = templates::case(None, vec![some], None)?;
    found.then_some(case)
}

/// Writes calls as what they stand for, so that the aggregates in them are seen.
fn written_out(expr: &mut Expr, dialect: Dialect) {
    let _ = visit_expressions_mut(expr, |part| {
        if let Expr::Function(call) = part {
            let written = match dialect {
                Dialect::Spark => spark_calls::of_call(call, &CastKind::Cast),
                Dialect::Ansi => None,
            };
            if let Some(other) = written.or_else(|| synonyms::of_call(call, dialect)) {
                *part = other;
            }
        }
        ControlFlow::<()>::Continue(())
    });
}

/// `a = 1`, or `a = 1 AND b = 2` for `(a, b)` and `(1, 2)`.
fn is_value(columns: &[Expr], value: &Expr) -> Option<Expr> {
    let values = match (columns, value) {
        ([_], value) => std::slice::from_ref(value),
        (_, Expr::Tuple(values)) => values.as_slice(),
        _ => return None,
    };
    if columns.len() != values.len() {
        return None;
    }
    let each = columns.iter().zip(values);
    let is_null = |value: &Expr| matches!(value, Expr::Value(value) if value.value == Value::Null);
    let each = each.map(|(column, value)| match is_null(value) {
        true => Expr::IsNull(Box::new(column.clone())),
        false => binary(column, BinaryOperator::Eq, value),
    });
    each.reduce(|left, right| binary(&left, BinaryOperator::And, &right))
}

fn shown(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            Value::Null => "null".to_owned(),
            other => other.to_string(),
        },
        Expr::Tuple(values) => {
            let shown: Vec<String> = values.iter().map(shown).collect();
            format!("{{{}}}", shown.join(", "))
        }
        other => other.to_string(),
    }
}

fn unpivoted(factor: &TableFactor, text: &StatementText) -> Option<TableFactor> {
    let TableFactor::Unpivot {
        table,
        value: Expr::Identifier(value),
        name,
        columns,
        null_inclusion,
        alias,
    } = factor
    else {
        return None;
    };
    let names: Option<Vec<&Ident>> = columns.iter().map(|column| name_of(&column.expr)).collect();
    let names = names?;
    let texts = columns.iter().zip(&names).map(|(column, name)| {
        let shown = column.alias.as_ref().unwrap_or(name);
        Expr::value(Value::SingleQuotedString(spelled(shown, text)))
    });
    let texts = call_of("make_array", texts.collect::<Vec<_>>());
    let cells = columns.iter().map(|column| column.expr.clone());
    let cells = call_of("make_array", cells.collect::<Vec<_>>());
    let unnest = |list: Expr, alias: &Ident| SelectItem::ExprWithAlias {
        expr: call_of("unnest", [list]),
        alias: alias.clone(),
    };
    let excluded = names.iter().map(|name| fold(&name.value)).collect();
    let items = vec![all_but(excluded), unnest(texts, name), unnest(cells, value)];
    let mut inner = templates::subquery("(SELECT 1 FROM t)")?;
    let select = templates::select_of(&mut inner)?;
    select.projection = items;
    select.from.first_mut()?.relation = (**table).clone();
    if *null_inclusion == Some(NullInclusion::IncludeNulls) {
        return Some(with_alias(inner, alias));
    }
    let mut outer = templates::subquery("(SELECT * FROM t)")?;
    let select = templates::select_of(&mut outer)?;
    select.from.first_mut()?.relation = inner;
    select.selection = Some(Expr::IsNotNull(Box::new(Expr::Identifier(value.clone()))));
    Some(with_alias(outer, alias))
}

/// Folded names of the columns in expressions.
#[derive(Default)]
struct Columns(BTreeSet<String>);

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0.extend(name_of(expr).map(|name| fold(&name.value)));
        ControlFlow::Continue(())
    }
}

fn name_of(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

fn all_but(names: BTreeSet<String>) -> SelectItem {
    let names = names.into_iter();
    let names = names.map(|name| ObjectName::from(vec![Ident::with_quote('"', name)]));
    SelectItem::Wildcard(WildcardAdditionalOptions {
        opt_exclude: Some(ExcludeSelectItem::Multiple(names.collect())),
        ..WildcardAdditionalOptions::default()
    })
}

fn with_alias(mut factor: TableFactor, given: &Option<sqlparser::ast::TableAlias>) -> TableFactor {
    if let TableFactor::Derived { alias, .. } = &mut factor {
        alias.clone_from(given);
    }
    factor
}
