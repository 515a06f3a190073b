//! Parts of SQL's syntax tree with many fields, read from text so that rewrites fill in what counts.

use sqlparser::ast::{CaseWhen, Expr, Select, SetExpr, TableFactor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

/// The expression that `text` is.
pub(crate) fn expression(text: &str) -> Option<Expr> {
    let mut parser = Parser::new(&GenericDialect).try_with_sql(text).ok()?;
    parser.parse_expr().ok()
}

/// `CASE operand WHEN .. THEN .. ELSE otherwise END`.
pub(crate) fn case(
    of: Option<Expr>,
    branches: Vec<CaseWhen>,
    otherwise: Option<Expr>,
) -> Option<Expr> {
    let mut case = expression("CASE WHEN 1 THEN 1 END")?;
    if let Expr::Case {
        operand,
        conditions,
        else_result,
        ..
    } = &mut case
    {
        *operand = of.map(Box::new);
        *conditions = branches;
        *else_result = otherwise.map(Box::new);
    }
    Some(case)
}

/// The subquery `(text)` of a `FROM`, with an alias if it has one.
pub(crate) fn subquery(text: &str) -> Option<TableFactor> {
    let text = format!("SELECT 1 FROM {text}");
    let mut parser = Parser::new(&GenericDialect).try_with_sql(&text).ok()?;
    match *parser.parse_query().ok()?.body {
        SetExpr::Select(select) => Some(select.from.into_iter().next()?.relation),
        _ => None,
    }
}

/// The select of a subquery.
pub(crate) fn select_of(subquery: &mut TableFactor) -> Option<&mut Select> {
    let TableFactor::Derived { subquery, .. } = subquery else {
        return None;
    };
    match &mut *subquery.body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_rewrites_are_sql() {
        for text in [
            "(SELECT 1 FROM t) AS t",
            "(SELECT 1 FROM t GROUP BY ALL)",
            "(SELECT * FROM t)",
        ] {
            assert!(select_of(&mut subquery(text).unwrap()).is_some(), "{text}");
        }
        assert!(case(None, Vec::new(), None).is_some());
    }
}
