//! Long chains of `OR` and `AND` as trees that are wide instead of deep.
//!
//! BI tools filter by thousands of `x = 1 OR x = 2 OR ..`. The parser makes one level of each; all that
//! walks the tree goes down them. The operators are associative, with NULLs, too.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Query, Value, VisitMut, VisitorMut};

/// Terms from which a chain is worth it.
const TERMS_MIN: usize = 64;

/// Balances the long chains of `query`.
pub(crate) fn chains(query: &mut Query) {
    let _ = VisitMut::visit(query, &mut Chains);
}

struct Chains;

impl VisitorMut for Chains {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(op) = operator(expr)
            && length(expr, &op) >= TERMS_MIN
        {
            let chain = std::mem::replace(expr, null());
            *expr = balanced(terms(chain, &op), &op);
        }
        ControlFlow::Continue(())
    }
}

fn null() -> Expr {
    Expr::value(Value::Null)
}

/// `OR` or `AND`, if `expr` is one.
fn operator(expr: &Expr) -> Option<BinaryOperator> {
    match expr {
        Expr::BinaryOp { op, .. } => {
            let associative = matches!(op, BinaryOperator::Or | BinaryOperator::And);
            associative.then(|| op.clone())
        }
        _ => None,
    }
}

/// How many terms of `op` lean to the left.
fn length(mut expr: &Expr, wanted: &BinaryOperator) -> usize {
    let mut terms = 1;
    while let Expr::BinaryOp { left, op, .. } = expr
        && op == wanted
    {
        terms += 1;
        expr = left;
    }
    terms
}

/// The terms of a chain, the first one first.
fn terms(chain: Expr, wanted: &BinaryOperator) -> Vec<Expr> {
    let mut terms = Vec::new();
    let mut rest = chain;
    loop {
        match rest {
            Expr::BinaryOp { left, op, right } if op == *wanted => {
                terms.push(*right);
                rest = *left;
            }
            first => {
                terms.push(first);
                terms.reverse();
                return terms;
            }
        }
    }
}

/// A tree over `terms` in their order, whose depth is the logarithm of their number.
fn balanced(mut terms: Vec<Expr>, op: &BinaryOperator) -> Expr {
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => Expr::BinaryOp {
                    left: Box::new(left),
                    op: op.clone(),
                    right: Box::new(right),
                },
                None => left,
            });
        }
        terms = pairs;
    }
    terms.pop().unwrap_or_else(null)
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::GenericDialect;
    use sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn a_long_chain_is_shallow_and_reads_the_same() {
        let text: Vec<String> = (0..1000).map(|n| format!("x = {n}")).collect();
        let text = format!("a AND b OR {}", text.join(" OR "));
        let parser = Parser::new(&GenericDialect {});
        let mut expr = parser.try_with_sql(&text).unwrap().parse_expr().unwrap();
        let op = operator(&expr).unwrap();
        assert_eq!(length(&expr, &op), 1001);
        let _ = Chains.pre_visit_expr(&mut expr);
        assert_eq!(expr.to_string(), text);
        let mut depth = 0;
        let mut left = &expr;
        while let Expr::BinaryOp { left: below, .. } = left {
            depth += 1;
            left = below;
        }
        assert!(depth < 15, "{depth}");
    }
}
