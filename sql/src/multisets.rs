//! `EXCEPT ALL` and `INTERSECT ALL`, which count how often a row is there.
//!
//! DataFusion's planner takes all copies of a row or none. So each row gets its number among its
//! copies, and without `ALL` the operators do the counting:
//!
//! ```text
//! a EXCEPT ALL b -> (a, numbered) EXCEPT (b, numbered), without the numbers
//! ```
//!
//! A text does not know its columns; [`number_copies`] finds them in the plan.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Window};
use sqlparser::ast::{Query, SetExpr, SetOperator, SetQuantifier, VisitMut, VisitorMut};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// The column of the numbers. No text calls one so by chance.
const COPY: &str = "\u{1}copy";

/// The rows of an arm with their numbers, which [`number_copies`] makes those of copies. What is in
/// brackets is put there by [`around`].
static NUMBERED: LazyLock<Option<Query>> =
    LazyLock::new(|| parse("SELECT *, row_number() OVER () AS {COPY} FROM (SELECT 1) AS arm"));

/// The rows that are left, without their numbers.
static COUNTED: LazyLock<Option<Query>> =
    LazyLock::new(|| parse("SELECT * EXCLUDE ({COPY}) FROM (SELECT 1) AS counted"));

fn parse(template: &str) -> Option<Query> {
    let text = template.replace("{COPY}", &format!("\"{COPY}\""));
    let mut parser = Parser::new(&GenericDialect).try_with_sql(&text).ok()?;
    parser.parse_query().ok().map(|query| *query)
}

/// Whether a set operation counts copies.
fn counts(op: SetOperator, quantifier: SetQuantifier) -> bool {
    quantifier == SetQuantifier::All && op != SetOperator::Union
}

/// Rewrites the set operations that count copies, and MINUS, but for those of subqueries.
pub(crate) fn rewrite(body: &mut SetExpr) {
    let SetExpr::SetOperation {
        op,
        set_quantifier,
        left,
        right,
    } = body
    else {
        return;
    };
    rewrite(left);
    rewrite(right);
    if *op == SetOperator::Minus {
        // Hive's and Oracle's word.
        *op = SetOperator::Except;
    }
    if !counts(*op, *set_quantifier) {
        return;
    }
    *set_quantifier = SetQuantifier::None;
    around(&NUMBERED, left);
    around(&NUMBERED, right);
    around(&COUNTED, body);
}

/// Puts `body` in the place of the subquery of `template`.
fn around(template: &Option<Query>, body: &mut SetExpr) {
    let Some(mut query) = template.clone() else {
        return;
    };
    std::mem::swap(&mut *query.body, body);
    let _ = body.visit(&mut Inner(&mut query.body));
}

/// Swaps the body of the one subquery for another.
struct Inner<'a>(&'a mut SetExpr);

impl VisitorMut for Inner<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        std::mem::swap(&mut *query.body, self.0);
        ControlFlow::Break(())
    }
}

/// Numbers the rows of arms among those with the same values in all columns.
pub(crate) fn number_copies(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Projection(arm) if arm.expr.iter().any(is_copy) => {
            let Projection { expr, input, .. } = arm;
            let input = match Arc::unwrap_or_clone(input) {
                LogicalPlan::Window(numbers) => LogicalPlan::Window(partitioned(numbers)?),
                other => other,
            };
            let arm = Projection::try_new(expr, Arc::new(input))?;
            Ok(Transformed::yes(LogicalPlan::Projection(arm)))
        }
        node => Ok(Transformed::no(node)),
    })?;
    Ok(plan.data)
}

fn is_copy(expr: &Expr) -> bool {
    matches!(expr, Expr::Alias(alias) if alias.name == COPY)
}

/// `numbers` by all columns of its input, under the same name.
fn partitioned(numbers: Window) -> Result<Window> {
    let names = NamePreserver::new(&LogicalPlan::Window(numbers.clone()));
    let columns = numbers.input.schema().iter();
    let columns: Vec<Expr> = columns.map(|named| Expr::Column(named.into())).collect();
    let by_all = |mut expr: Expr| {
        let name = names.save(&expr);
        if let Expr::WindowFunction(call) = &mut expr {
            call.params.partition_by.clone_from(&columns);
        }
        name.restore(expr)
    };
    let exprs = numbers.window_expr.into_iter().map(by_all).collect();
    Window::try_new(exprs, numbers.input)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_subqueries_are_sql() {
        assert!(super::NUMBERED.is_some() && super::COUNTED.is_some());
    }
}
