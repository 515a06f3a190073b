//! Spark's syntax in terms that DataFusion's planner knows. Syntax alone: rules that need types are
//! expression planners, functions or passes over the plan.

mod spark;

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Ident, LimitClause, Query, Select, SetExpr, TableFactor, TopQuantity, Value,
    VisitMut, VisitorMut,
};

use crate::{
    Dialect, Scope, StatementText, hive_clauses, like, multisets, patterns, pivot, synonyms, using,
};
use spark::{Spark, cast};

/// Rewrites `query` for the planner.
pub(crate) fn query(query: &mut Query, text: &StatementText, scope: &Scope) {
    let dialect = scope.dialect;
    let user = &scope.user;
    let mut common = Common {
        dialect,
        user,
        text,
    };
    let _ = query.visit(&mut common);
    if scope.dialect == Dialect::Spark {
        let lenient = scope.settings.get("ansi_mode") != "true";
        let _ = query.visit(&mut Spark { lenient });
    }
}

/// What every dialect writes and the planner reads otherwise.
struct Common<'a> {
    dialect: Dialect,
    user: &'a str,
    text: &'a StatementText,
}

impl VisitorMut for Common<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        hive_clauses::rewrite_grouping(select);
        using::rewrite_select(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, relation: &mut TableFactor) -> ControlFlow<()> {
        pivot::rewrite(relation, self.dialect, self.text);
        ControlFlow::Continue(())
    }

    /// `FETCH FIRST n ROWS ONLY` and `SELECT TOP n` are `LIMIT n`.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        using::rewrite_query(query);
        multisets::rewrite(&mut query.body);
        let fetch = query
            .fetch
            .take_if(|fetch| !fetch.with_ties && !fetch.percent);
        let fetch = fetch.map(|fetch| fetch.quantity.unwrap_or_else(|| number_of_rows(1)));
        let top = match &mut *query.body {
            SetExpr::Select(select) => select.top.take().and_then(|top| top.quantity),
            _ => None,
        };
        let top = top.map(|quantity| match quantity {
            TopQuantity::Expr(rows) => rows,
            TopQuantity::Constant(rows) => number_of_rows(rows),
        });
        if let Some(rows) = fetch.or(top) {
            match &mut query.limit_clause {
                Some(LimitClause::LimitOffset { limit, .. }) => *limit = Some(rows),
                clause => {
                    *clause = Some(LimitClause::LimitOffset {
                        limit: Some(rows),
                        offset: None,
                        limit_by: Vec::new(),
                    });
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundFieldAccess { root, access_chain } => {
                let named = names_before_fields(root, access_chain);
                access_chain[named..].iter_mut().for_each(field_as_text);
            }
            Expr::Function(function) if is_user(function) => *expr = self.user(),
            Expr::Identifier(name) if name.quote_style.is_none() && names_user(&name.value) => {
                *expr = self.user();
            }
            Expr::Function(function) => {
                if self.dialect == Dialect::Ansi {
                    patterns::translate(function);
                }
                order_inside(function);
                if let Some(other) = synonyms::of_call(function, self.dialect) {
                    *expr = other;
                }
            }
            Expr::Like { .. } | Expr::ILike { .. } | Expr::SimilarTo { .. } => {
                like::rewrite(expr);
            }
            // ODBC's, which is a cast.
            Expr::Convert {
                expr: value,
                data_type: Some(data_type),
                charset: None,
                ..
            } => {
                let data_type = synonyms::converted(data_type);
                let value = std::mem::replace(&mut **value, null());
                *expr = cast(value, data_type, CastKind::Cast);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Common<'_> {
    fn user(&self) -> Expr {
        Expr::value(Value::SingleQuotedString(self.user.to_owned()))
    }
}

/// `current_user` and `session_user` are words of SQL, with brackets or without.
fn names_user(word: &str) -> bool {
    ["current_user", "session_user"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// `current_user()`, and ODBC's and Spark's `user()`.
fn is_user(function: &Function) -> bool {
    let [part] = function.name.0.as_slice() else {
        return false;
    };
    let named = |name: &Ident| names_user(&name.value) || name.value.eq_ignore_ascii_case("user");
    let bare = match &function.args {
        FunctionArguments::None => true,
        FunctionArguments::List(list) => list.args.is_empty(),
        FunctionArguments::Subquery(_) => false,
    };
    bare && part.as_ident().is_some_and(named)
}

/// SQL's `LISTAGG(x, ',') WITHIN GROUP (ORDER BY y)` is `string_agg(x, ',' ORDER BY y)`.
fn order_inside(function: &mut Function) {
    let name = function.name.to_string().to_ascii_lowercase();
    if !["listagg", "string_agg"].contains(&name.as_str()) {
        return;
    }
    function.name = vec![Ident::new("string_agg")].into();
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    let order = std::mem::take(&mut function.within_group);
    if !order.is_empty() {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    if list.args.len() == 1 {
        let nothing = Expr::value(Value::SingleQuotedString(String::new()));
        list.args
            .push(FunctionArg::Unnamed(FunctionArgExpr::Expr(nothing)));
    }
}

fn number_of_rows(rows: u64) -> Expr {
    Expr::value(Value::Number(rows.to_string(), false))
}

fn null() -> Expr {
    Expr::value(Value::Null)
}

/// How many parts behind the root are still of a column's name: one in `t.c['f']`.
fn names_before_fields(root: &Expr, chain: &[AccessExpr]) -> usize {
    let is_name = |access: &&AccessExpr| matches!(access, AccessExpr::Dot(Expr::Identifier(_)));
    match root {
        Expr::Identifier(_) => chain.iter().take_while(is_name).count(),
        _ => 0,
    }
}

/// `struct(1).c1`: the planner wants the name of a field as a text.
fn field_as_text(access: &mut AccessExpr) {
    if let AccessExpr::Dot(Expr::Identifier(name)) = access {
        let name = Value::SingleQuotedString(mica_catalog::fold(&name.value));
        *access = AccessExpr::Dot(Expr::value(name));
    }
}
