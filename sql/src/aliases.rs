//! Aliases that are used beside each other in a select list: `SELECT price * n AS total, total / 2`.
//!
//! Spark, Snowflake, Redshift and DuckDB have them, SQL has not. A column goes before an
//! alias, and a text does not know its columns. So a text is planned as it stands, and once more with
//! the expressions in the place of their aliases if a column is missing.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::{DataFusionError, SchemaError};
use mica_catalog::fold;
use sqlparser::ast::{Expr, Query, Select, SelectItem, VisitMut, VisitorMut, visit_expressions};

use crate::own_names;

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
        let mut aliases = HashMap::new();
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => self.replace(expr, &aliases),
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.replace(expr, &aliases);
                    if !is_random(expr) {
                        aliases.insert(fold(&alias.value), expr.clone());
                    }
                }
                _ => {}
            }
            if self.replaced > REPLACED_MAX {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

impl Lists {
    /// Puts expressions in the place of the aliases that stand before `expr`.
    fn replace(&mut self, expr: &mut Expr, aliases: &HashMap<String, Expr>) {
        own_names::each_expression(expr, |expr| {
            if self.replaced <= REPLACED_MAX
                && let Expr::Identifier(name) = expr
                && let Some(meant) = aliases.get(&fold(&name.value))
            {
                *expr = Expr::Nested(Box::new(meant.clone()));
                self.replaced += 1;
            }
        });
    }
}

fn is_random(expr: &Expr) -> bool {
    let is_call = |expr: &Expr| match expr {
        Expr::Function(call) => {
            let name = call.name.to_string().to_ascii_lowercase();
            RANDOM.contains(&name.as_str())
        }
        _ => false,
    };
    visit_expressions(expr, |expr| match is_call(expr) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    })
    .is_break()
}
