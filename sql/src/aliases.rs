//! Aliases that are used beside each other in a select list: `SELECT price * n AS total, total / 2`.
//!
//! Spark, Snowflake, Redshift and DuckDB have them, SQL has not. A column goes before an
//! alias, and a text does not know its columns. So a text is planned as it stands, and once more with
//! the expressions in the place of their aliases if a column is missing.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::{DataFusionError, SchemaError};
use mica_catalog::fold;
use sqlparser::ast::{Expr, Function, Query, Select, SelectItem, VisitMut, VisitorMut};

/// Expressions that are put in the place of aliases, at most: each may hold others.
const REPLACED_MAX: usize = 1000;

/// Functions whose value is another one each time.
const RANDOM: [&str; 5] = ["rand", "randn", "random", "shuffle", "uuid"];

/// Whether a column is missing.
pub(crate) fn may_help(error: &DataFusionError) -> bool {
    matches!(
        error.find_root(),
        DataFusionError::SchemaError(cause, _) if matches!(**cause, SchemaError::FieldNotFound { .. })
    )
}

/// `query` with expressions in the place of aliases; none if nothing is to be replaced.
pub(crate) fn replaced(query: &Query) -> Option<Query> {
    let mut query = query.clone();
    let mut lists = Lists { replaced: 0 };
    let _ = query.visit(&mut lists);
    (1..=REPLACED_MAX)
        .contains(&lists.replaced)
        .then_some(query)
}

struct Lists {
    replaced: usize,
}

impl VisitorMut for Lists {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut known = Known {
            aliases: HashMap::new(),
            depth: 0,
            replaced: 0,
        };
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let _ = expr.visit(&mut known);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let _ = expr.visit(&mut known);
                    if !is_random(expr) {
                        known.aliases.insert(fold(&alias.value), expr.clone());
                    }
                }
                _ => {}
            }
            if self.replaced + known.replaced > REPLACED_MAX {
                break;
            }
        }
        self.replaced += known.replaced;
        match self.replaced > REPLACED_MAX {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// The aliases before an item.
struct Known {
    aliases: HashMap<String, Expr>,
    depth: usize,
    replaced: usize,
}

impl VisitorMut for Known {
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
        if self.depth == 0
            && self.replaced < REPLACED_MAX + 1
            && let Expr::Identifier(name) = expr
            && let Some(meant) = self.aliases.get(&fold(&name.value))
        {
            *expr = Expr::Nested(Box::new(meant.clone()));
            self.replaced += 1;
        }
        ControlFlow::Continue(())
    }
}

fn is_random(expr: &Expr) -> bool {
    struct Random;
    impl sqlparser::ast::Visitor for Random {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(Function { name, .. })
                    if RANDOM.contains(&name.to_string().to_ascii_lowercase().as_str()) =>
                {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    sqlparser::ast::Visit::visit(expr, &mut Random).is_break()
}
