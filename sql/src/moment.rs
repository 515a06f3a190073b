//! What of a plan depends on the moment at which it runs.
//!
//! `current_date()` and its kin have one value for a whole statement, and DataFusion's optimiser puts
//! it in their place: such a plan is good for one statement only. Here the calls are taken out
//! before, so that the plan is optimised once, and their values are put in each time it runs.
//!
//! ```text
//! date_diff(current_date(), d) --without_moments--> date_diff($moment0, d) --optimised, kept-->
//!                                                   date_diff(2024-05-01, d)   each time it runs
//! ```

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ParamValues, ScalarValue};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use crate::Result;
use crate::functions::is_unknown;

/// Whether a plan may run more than once.
#[derive(Clone, Debug)]
pub enum Reuse {
    /// Nothing in it depends on the moment.
    Always,
    /// It does so through these calls.
    AtMoment(Arc<Timeless>),
    /// It has parameters without values, or a function that answers otherwise each time.
    Never,
}

/// A plan without its calls of functions that tell the moment.
#[derive(Debug)]
pub struct Timeless {
    /// The plan, with placeholders for the calls.
    pub plan: LogicalPlan,
    /// The calls, each once.
    calls: Vec<Expr>,
}

impl Reuse {
    /// What there is to be known of `plan`.
    ///
    /// # Errors
    /// What DataFusion says of the plan without the calls; nothing, as it has their types.
    pub(crate) fn of(plan: &LogicalPlan) -> Result<Self> {
        let (mut calls, mut never) = (Vec::new(), false);
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                expr.apply(|expr| {
                    match kind(expr) {
                        Kind::Timeless => {}
                        Kind::Moment if calls.contains(expr) => {}
                        Kind::Moment => calls.push(expr.clone()),
                        Kind::Unknown => never = true,
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(match (never, calls.is_empty()) {
            (true, _) => Self::Never,
            (false, true) => Self::Always,
            (false, false) => Self::AtMoment(Arc::new(Timeless {
                plan: without(plan, &calls)?,
                calls,
            })),
        })
    }
}

impl Timeless {
    /// The values of the calls in a statement that starts at `moment`; none if one cannot be told
    /// beforehand.
    ///
    /// # Errors
    /// What DataFusion says of a call.
    pub fn values(
        &self,
        moment: Option<DateTime<Utc>>,
        options: &Arc<ConfigOptions>,
    ) -> Result<Option<Vec<ScalarValue>>> {
        let context = SimplifyContext::builder()
            .with_config_options(Arc::clone(options))
            .with_query_execution_start_time(moment)
            .build();
        let simplifier = ExprSimplifier::new(context);
        let value = |call: &Expr| match simplifier.simplify(call.clone())? {
            Expr::Literal(value, _) => Ok(Some(value)),
            _ => Ok(None),
        };
        self.calls.iter().map(value).collect()
    }

    /// `optimised`, which was made of this plan, with `values` in the place of the calls.
    ///
    /// # Errors
    /// For values that are not those of the calls.
    pub fn at(&self, optimised: &LogicalPlan, values: &[ScalarValue]) -> Result<LogicalPlan> {
        let named = values.iter().cloned().enumerate();
        let named: Vec<(String, ScalarValue)> =
            named.map(|(at, value)| (name(at), value)).collect();
        Ok(optimised
            .clone()
            .with_param_values(ParamValues::from(named))?)
    }
}

enum Kind {
    Timeless,
    Moment,
    Unknown,
}

fn kind(expr: &Expr) -> Kind {
    match expr {
        Expr::ScalarFunction(call) if is_unknown(&call.func) => Kind::Timeless,
        Expr::ScalarFunction(call) => match call.func.signature().volatility {
            Volatility::Immutable => Kind::Timeless,
            Volatility::Stable if call.args.iter().all(is_literal) => Kind::Moment,
            Volatility::Stable | Volatility::Volatile => Kind::Unknown,
        },
        Expr::Placeholder(_) => Kind::Unknown,
        _ => Kind::Timeless,
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(..))
}

/// The name of the placeholder of a call, without its `$`.
fn name(at: usize) -> String {
    format!("moment{at}")
}

/// `plan` with placeholders for `calls`; columns keep their names.
fn without(plan: &LogicalPlan, calls: &[Expr]) -> Result<LogicalPlan> {
    let plan = plan.clone().transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let saved = names.save(&expr);
            let replaced = expr.transform_up(|expr| {
                let Some(at) = calls.iter().position(|call| *call == expr) else {
                    return Ok(Transformed::no(expr));
                };
                let (_, field): (_, FieldRef) = expr.to_field(&DFSchema::empty())?;
                let id = format!("${}", name(at));
                let placeholder = Placeholder::new_with_field(id, Some(field));
                Ok(Transformed::yes(Expr::Placeholder(placeholder)))
            })?;
            Ok(replaced.update_data(|expr| saved.restore(expr)))
        })
    })?;
    Ok(plan.data)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use datafusion::functions::datetime::expr_fn::{current_date, now};
    use datafusion::functions::math::expr_fn::{abs, random};
    use datafusion::logical_expr::{LogicalPlanBuilder, lit};

    use super::*;

    fn plan(expr: Expr) -> LogicalPlan {
        let one_row = LogicalPlanBuilder::empty(true);
        one_row.project([expr]).unwrap().build().unwrap()
    }

    fn timeless(plan: &LogicalPlan) -> Arc<Timeless> {
        match Reuse::of(plan).unwrap() {
            Reuse::AtMoment(timeless) => timeless,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_certain_may_run_again() {
        assert!(matches!(
            Reuse::of(&plan(abs(lit(-1)))).unwrap(),
            Reuse::Always
        ));
        assert!(matches!(Reuse::of(&plan(random())).unwrap(), Reuse::Never));
        let placeholder = Expr::Placeholder(Placeholder::new_with_field("$1".to_owned(), None));
        assert!(matches!(
            Reuse::of(&plan(placeholder)).unwrap(),
            Reuse::Never
        ));
        let mixed = plan(current_date().eq(lit(1)).and(random().gt(lit(0.5))));
        assert!(matches!(Reuse::of(&mixed).unwrap(), Reuse::Never));
    }

    #[test]
    fn a_plan_tells_the_day_on_which_it_runs() {
        let plan = plan(current_date().gt(current_date()));
        let timeless = timeless(&plan);
        assert_eq!(timeless.plan.schema(), plan.schema());
        assert_eq!(timeless.calls.len(), 1);
        let options = Arc::new(ConfigOptions::new());
        let on = |day| {
            let moment = Utc.with_ymd_and_hms(2024, 5, day, 12, 0, 0).unwrap();
            let values = timeless.values(Some(moment), &options).unwrap().unwrap();
            timeless.at(&timeless.plan, &values).unwrap().to_string()
        };
        assert!(on(1).contains("2024-05-01") && on(2).contains("2024-05-02"));
        assert!(!on(1).contains("moment0"), "{}", on(1));
    }

    #[test]
    fn a_moment_that_is_not_known_is_no_value() {
        let timeless = timeless(&plan(now()));
        let options = Arc::new(ConfigOptions::new());
        assert!(timeless.values(None, &options).unwrap().is_none());
    }
}
