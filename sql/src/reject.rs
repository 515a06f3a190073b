//! Refuses what DataFusion's planner would ignore without a word.
//!
//! Its planner binds the parts of the AST that it knows and drops the others: `TABLESAMPLE`,
//! `VERSION AS OF`, `WITH ROLLUP` behind a list and more parse, and then answer as if they were not
//! there (apache/datafusion#24754). By a few it means something else than SQL does. A wrong answer is
//! worse than none.

use std::ops::ControlFlow;

use sqlparser::ast::{
    DataType, Expr, Function, FunctionArguments, Join, JoinConstraint, JoinOperator, Query, Select,
    SetExpr, SetOperator, SetQuantifier, Spanned, TableFactor, Top, TypedString, Value, Visit,
    Visitor,
};

use crate::statement::{AlterAction, Describe};
use crate::{
    Dialect, Error, Position, Result, Statement, functions, generators, hive_clauses,
    lateral_views, like, patterns, pivot, using,
};

/// Refuses `statement` if it holds anything that would be ignored.
///
/// # Errors
/// [`Error::Unsupported`] with the construct and its position.
pub(crate) fn check(statement: &Statement, dialect: Dialect) -> Result<()> {
    match query_of(statement) {
        Some(query) => check_query(query, dialect),
        None => Ok(()),
    }
}

/// The query that a statement runs or defines.
pub(crate) fn query_of(statement: &Statement) -> Option<&Query> {
    match statement {
        Statement::Query(query) | Statement::Describe(Describe::Query(query)) => Some(query),
        Statement::Explain(explain) => Some(&explain.query),
        Statement::CreateView(view) => Some(&view.query),
        Statement::Alter(alter) => match &alter.action {
            AlterAction::As { query, .. } => Some(query),
            _ => None,
        },
        _ => None,
    }
}

/// As [`query_of`], to be changed.
pub(crate) fn query_of_mut(statement: &mut Statement) -> Option<&mut Query> {
    match statement {
        Statement::Query(query) | Statement::Describe(Describe::Query(query)) => Some(query),
        Statement::Explain(explain) => Some(&mut explain.query),
        Statement::CreateView(view) => Some(&mut view.query),
        Statement::Alter(alter) => match &mut alter.action {
            AlterAction::As { query, .. } => Some(query),
            _ => None,
        },
        _ => None,
    }
}

fn check_query(query: &Query, dialect: Dialect) -> Result<()> {
    let mut visitor = Ignored { dialect };
    match query.visit(&mut visitor) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Ignored {
    dialect: Dialect,
}

/// Whether a TOP of `body` is not the limit of the whole query.
fn has_top(body: &SetExpr, limited: bool) -> bool {
    match body {
        SetExpr::Select(select) => limited && select.top.is_some(),
        SetExpr::SetOperation { left, right, .. } => has_top(left, true) || has_top(right, true),
        _ => false,
    }
}

fn refuse(what: &str, node: &impl Spanned) -> ControlFlow<Box<Error>> {
    let start = node.span().start;
    ControlFlow::Break(Box::new(Error::Unsupported {
        what: what.to_owned(),
        position: (start.line > 0).then(|| Position::from(start)),
    }))
}

/// Refuses the first construct that is there.
fn refuse_any(found: &[(bool, &str)], node: &impl Spanned) -> ControlFlow<Box<Error>> {
    match found.iter().find(|(there, _)| *there) {
        Some((_, what)) => refuse(what, node),
        None => ControlFlow::Continue(()),
    }
}

impl Visitor for Ignored {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let limited = query.limit_clause.is_some() || query.fetch.is_some();
        refuse_any(
            &[
                (
                    has_top(&query.body, limited),
                    "TOP beside LIMIT, or in a part of a UNION (write LIMIT)",
                ),
                (
                    binds_by_name(&query.body),
                    "EXCEPT or INTERSECT BY NAME (name the columns in one order)",
                ),
                (!query.locks.is_empty(), "FOR UPDATE or FOR SHARE"),
                (query.for_clause.is_some(), "the FOR clause of a query"),
                (query.settings.is_some(), "the SETTINGS clause of a query"),
                (
                    query.format_clause.is_some(),
                    "the FORMAT clause of a query",
                ),
            ],
            query,
        )
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        refuse_any(&in_select(select, self.dialect), select)?;
        let keys_are_known = using::is_known(select);
        let mut joins = select.from.iter().flat_map(|table| &table.joins);
        joins.try_for_each(|join| refuse_join(join, keys_are_known, select))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table { .. } => refuse_any(&in_table(factor), factor),
            TableFactor::Derived { sample, .. } => {
                refuse_any(&[(sample.is_some(), "TABLESAMPLE")], factor)
            }
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => {
                let mut joins = table_with_joins.joins.iter();
                joins.try_for_each(|join| refuse_join(join, false, factor))
            }
            TableFactor::Pivot { .. } if !pivot::is_known(factor) => {
                refuse("PIVOT of anything but a list of values", factor)
            }
            TableFactor::Unpivot { .. } if !pivot::is_known(factor) => {
                refuse("UNPIVOT of anything but columns into one", factor)
            }
            TableFactor::MatchRecognize { .. } => refuse("MATCH_RECOGNIZE", factor),
            TableFactor::JsonTable { .. } => refuse("JSON_TABLE", factor),
            TableFactor::OpenJsonTable { .. } => refuse("OPENJSON", factor),
            TableFactor::XmlTable { .. } => refuse("XMLTABLE", factor),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(Function { parameters, .. }) = expr
            && !matches!(parameters, FunctionArguments::None)
        {
            return refuse("a parameter list before a function's arguments", expr);
        }
        if let Expr::TypedString(literal) = expr
            && self.dialect == Dialect::Spark
        {
            check_literal(literal, expr)?;
        }
        if like::is_computed_similar_to(expr) {
            return refuse(
                "SIMILAR TO with a pattern that is not a literal (regexp_like takes any)",
                expr,
            );
        }
        if self.dialect == Dialect::Ansi
            && let Expr::Function(function) = expr
            && let Some(pattern) = patterns::of_call(function)
            && patterns::translated(pattern).is_none()
        {
            return refuse(&format!("the pattern '{pattern}' of a date"), expr);
        }
        ControlFlow::Continue(())
    }
}

/// Casts of texts that cannot be read are NULL in Spark; literals are an error.
fn check_literal(literal: &TypedString, node: &impl Spanned) -> ControlFlow<Box<Error>> {
    let Value::SingleQuotedString(text) = &literal.value.value else {
        return ControlFlow::Continue(());
    };
    let is_read = match &literal.data_type {
        DataType::Date => functions::is_date(text),
        DataType::Timestamp(..) | DataType::TimestampNtz(_) => functions::is_timestamp(text),
        _ => true,
    };
    if is_read {
        return ControlFlow::Continue(());
    }
    let start = node.span().start;
    ControlFlow::Break(Box::new(Error::Invalid {
        message: format!("'{text}' is no {}", literal.data_type),
        position: (start.line > 0).then(|| Position::from(start)),
    }))
}

/// What may stand in a `SELECT` and would be ignored.
fn in_select(select: &Select, dialect: Dialect) -> [(bool, &'static str); 15] {
    let is_ansi = dialect != Dialect::Spark;
    [
        (
            hive_clauses::is_other_grouping(&select.group_by),
            "a modifier behind GROUP BY (write GROUP BY GROUPING SETS (..))",
        ),
        (select.into.is_some(), "SELECT INTO"),
        (
            select.top.as_ref().is_some_and(is_no_limit),
            "TOP with PERCENT or WITH TIES (write LIMIT)",
        ),
        (select.select_modifiers.is_some(), "a modifier of SELECT"),
        (select.exclude.is_some(), "EXCLUDE behind the select list"),
        (
            is_ansi && !select.lateral_views.is_empty(),
            "LATERAL VIEW in the ansi dialect",
        ),
        (
            !lateral_views::are_known(select),
            "a LATERAL VIEW of a function other than explode, posexplode, stack and json_tuple, or behind joins where it is not plain whose columns it reads (write t.list)",
        ),
        (
            !is_ansi && generators::are_several(select),
            "a second function that gives rows in a select list (explode one in a subquery)",
        ),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (is_ansi && !select.cluster_by.is_empty(), "CLUSTER BY"),
        (is_ansi && !select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (is_ansi && !select.sort_by.is_empty(), "SORT BY"),
        (
            select.value_table_mode.is_some(),
            "SELECT AS VALUE or STRUCT",
        ),
        (
            select.qualify.is_some() && dialect == Dialect::Spark,
            "QUALIFY in the spark dialect (Apache Spark has none: filter a subquery)",
        ),
    ]
}

/// Whether a TOP is more than a LIMIT.
fn is_no_limit(top: &Top) -> bool {
    top.percent || top.with_ties || top.quantity.is_none()
}

fn refuse_join(join: &Join, keys_are_known: bool, node: &impl Spanned) -> ControlFlow<Box<Error>> {
    let as_of = matches!(join.join_operator, JoinOperator::AsOf { .. });
    let joins_columns = |full| !keys_are_known && joins_columns(&join.join_operator, full);
    let (right, full) = (joins_columns(false), joins_columns(true));
    refuse_any(
        &[
            (join.global, "GLOBAL JOIN"),
            (as_of, "ASOF JOIN"),
            (
                right,
                "NATURAL RIGHT JOIN, or one USING columns among joins of other kinds, (write it as a LEFT JOIN, or with ON)",
            ),
            (
                full,
                "NATURAL FULL JOIN, or one USING columns among joins of other kinds, (write ON, and coalesce(a.x, b.x))",
            ),
        ],
        node,
    )
}

/// Whether it is a RIGHT or FULL JOIN that makes one column of two: the planner would take that of the
/// left side, which is NULL where only the right side has a row.
fn joins_columns(operator: &JoinOperator, full: bool) -> bool {
    let constraint = match operator {
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) if !full => {
            constraint
        }
        JoinOperator::FullOuter(constraint) if full => constraint,
        _ => return false,
    };
    matches!(
        constraint,
        JoinConstraint::Using(_) | JoinConstraint::Natural
    )
}

/// Whether a set operation that is not a UNION binds by name: the planner's would bind by place.
fn binds_by_name(body: &SetExpr) -> bool {
    let SetExpr::SetOperation {
        op,
        set_quantifier,
        left,
        right,
    } = body
    else {
        return false;
    };
    use SetQuantifier::{AllByName, ByName, DistinctByName};
    let by_name = matches!(set_quantifier, AllByName | ByName | DistinctByName);
    by_name && *op != SetOperator::Union || binds_by_name(left) || binds_by_name(right)
}

/// What may stand behind the name of a table and would be ignored.
fn in_table(factor: &TableFactor) -> Vec<(bool, &'static str)> {
    let TableFactor::Table {
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
        args,
        ..
    } = factor
    else {
        return Vec::new();
    };
    let hints = !with_hints.is_empty() || !index_hints.is_empty();
    let settings = args.as_ref().is_some_and(|args| args.settings.is_some());
    vec![
        (
            version.is_some(),
            "time travel (VERSION or TIMESTAMP AS OF)",
        ),
        (sample.is_some(), "TABLESAMPLE"),
        (!partitions.is_empty(), "PARTITION (..) behind a table"),
        (hints, "a table hint"),
        (*with_ordinality, "WITH ORDINALITY"),
        (json_path.is_some(), "a JSON path behind a table"),
        (settings, "SETTINGS of a table function"),
    ]
}
