//! Names of a text that are its own, and not those of its subqueries.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query, VisitMut, VisitorMut};

/// Gives each expression of `node` to `rewrite`, from the leaves up, but those of its subqueries: a
/// name there may mean something else.
pub(crate) fn each_expression(node: &mut impl VisitMut, rewrite: impl FnMut(&mut Expr)) {
    let _ = node.visit(&mut Own { rewrite, depth: 0 });
}

struct Own<F> {
    rewrite: F,
    /// In how many subqueries it is.
    depth: usize,
}

impl<F: FnMut(&mut Expr)> VisitorMut for Own<F> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0 {
            (self.rewrite)(expr);
        }
        ControlFlow::Continue(())
    }
}
