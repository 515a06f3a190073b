//! Tells casts of a value from the value, where a text has both.
//!
//! To DataFusion's planner `CAST(x AS DATE)` is called `x`, as `x` is. So `sum(x)` beside
//! `sum(CAST(x AS DECIMAL(18, 2)))`, and `x` beside a cast of it in a `GROUP BY`, are columns of one
//! name, which it refuses. BI tools write them. While such a text is planned, each cast is the
//! argument of a function with a name of its own; before analysis the function is taken out of the
//! plan again, and its name stays.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, GroupingSet, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use sqlparser::ast::{
    self, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Query, VisitMut, VisitorMut,
};

use crate::naming::HIDDEN;

/// Internal name of the function.
pub(crate) const TOLD: &str = "mica_told_cast";

/// Whether casts are told from what they cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Casts {
    /// As DataFusion names them.
    Plain,
    /// By names of their own.
    Told,
}

/// Whether the planner refused a text because of two columns of one name.
pub(crate) fn is_refused(error: &DataFusionError) -> bool {
    const REFUSALS: [&str; 2] = [
        "require unique expression names",
        "Schema contains duplicate unqualified field name",
    ];
    let said = error.strip_backtrace();
    REFUSALS.iter().any(|refusal| said.contains(refusal))
}

/// Whether an aggregation of `plan` has two columns of one name, which the optimiser would refuse.
///
/// # Errors
/// None at present.
pub(crate) fn has_twins(plan: &LogicalPlan) -> Result<bool> {
    let mut twins = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Aggregate(aggregate) = node {
            let mut names = HashSet::new();
            let columns = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
            let mut columns = columns.flat_map(|expr| match expr {
                Expr::GroupingSet(set) => set.distinct_expr().into_iter().cloned().collect(),
                expr => vec![expr.clone()],
            });
            twins |= !columns.all(|expr| names.insert(expr.schema_name().to_string()));
        }
        Ok(match twins {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(twins)
}

/// Makes each cast of `query` tell itself from its operand.
pub(crate) fn tell(query: &mut Query) {
    let _ = query.visit(&mut Telling(HashMap::new()));
}

/// Numbers of the casts, by their texts.
struct Telling(HashMap<String, usize>);

impl VisitorMut for Telling {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        let ast::Expr::Cast { expr: operand, .. } = expr else {
            return ControlFlow::Continue(());
        };
        // A literal is called by its value, and table functions want to see it.
        if matches!(**operand, ast::Expr::Value(_)) {
            return ControlFlow::Continue(());
        }
        let next = self.0.len();
        let number = *self.0.entry(expr.to_string()).or_insert(next);
        let number = ast::Expr::value(ast::Value::Number(number.to_string(), false));
        let cast = std::mem::replace(expr, ast::Expr::value(ast::Value::Null));
        *expr = told(cast, number);
        ControlFlow::Continue(())
    }
}

fn told(cast: ast::Expr, number: ast::Expr) -> ast::Expr {
    let arg = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    ast::Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(TOLD)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![arg(cast), arg(number)],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Takes the functions of [`tell`] out of a plan. The names that they gave stay.
///
/// # Errors
/// What DataFusion says of a plan that it cannot walk; none that it made.
pub(crate) fn untell(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(without(expr)?.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(plan.data)
}

fn without(expr: Expr) -> Result<Transformed<Expr>> {
    // Each part of a grouping set is a column.
    let each = |exprs: Vec<Expr>| exprs.into_iter().map(named).collect::<Result<Vec<_>>>();
    let set = match expr {
        Expr::GroupingSet(GroupingSet::Rollup(exprs)) => GroupingSet::Rollup(each(exprs)?),
        Expr::GroupingSet(GroupingSet::Cube(exprs)) => GroupingSet::Cube(each(exprs)?),
        Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
            GroupingSet::GroupingSets(sets.into_iter().map(each).collect::<Result<_>>()?)
        }
        expr => {
            return expr.transform_up(|expr| {
                Ok(match expr {
                    Expr::ScalarFunction(mut call) if call.func.name() == TOLD => {
                        Transformed::yes(call.args.swap_remove(0))
                    }
                    expr => Transformed::no(expr),
                })
            });
        }
    };
    Ok(Transformed::yes(Expr::GroupingSet(set)))
}

fn named(expr: Expr) -> Result<Expr> {
    let name = expr.schema_name().to_string();
    let bare = without(expr)?;
    Ok(match bare.transformed {
        true => bare.data.alias(name),
        false => bare.data,
    })
}

/// Its first argument, under a name that its second tells.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Told {
    signature: Signature,
}

/// The function of [`tell`].
pub(crate) fn function() -> Arc<ScalarUDF> {
    static FUNCTION: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
    let make = || {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Told { signature }))
    };
    Arc::clone(FUNCTION.get_or_init(make))
}

impl ScalarUDFImpl for Told {
    fn name(&self) -> &str {
        TOLD
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [cast, Expr::Literal(ScalarValue::Int64(Some(number)), _)] => {
                Ok(format!("{}{HIDDEN}{number}", cast.schema_name()))
            }
            _ => plan_err!("{TOLD} takes a cast and its number"),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::clone(&args.arg_fields[0]))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}
