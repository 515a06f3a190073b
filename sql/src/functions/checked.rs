//! `+`, `-` and `*` of whole numbers that do not fit their type: an error, as SQL wants it.
//!
//! DataFusion's wrap around without a word, so that a quantity times a price in INTEGER can come out
//! negative.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{ArrayRef, Datum};
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;

use crate::types::sql_name;

/// Makes the operators of an analysed plan tell when a whole number does not fit.
pub(crate) fn check_overflow(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let checked = expr.transform_up(|expr| Ok(checked(expr, &schema)))?;
            Ok(checked.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(plan.data)
}

fn checked(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else {
        return Transformed::no(expr);
    };
    let is_whole = |side: &Expr| {
        is_checked(side) || side.get_type(schema).is_ok_and(|found| found.is_integer())
    };
    match Checked::of(op).filter(|_| is_whole(&left) && is_whole(&right)) {
        Some(function) => {
            let call = ScalarFunction::new_udf(function, vec![*left, *right]);
            Transformed::yes(Expr::ScalarFunction(call))
        }
        None => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
    }
}

/// Whether it is a whole number already: deriving the type of a long sum at each of its terms would
/// take the square of their number.
fn is_checked(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => call.func.inner().downcast_ref::<Checked>().is_some(),
        _ => false,
    }
}

/// An operator whose operands have one type of whole numbers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Operator,
    signature: Signature,
}

impl Checked {
    fn function(op: Operator) -> Arc<ScalarUDF> {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { op, signature }))
    }

    fn of(op: Operator) -> Option<Arc<ScalarUDF>> {
        static PLUS: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
        static MINUS: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
        static MULTIPLY: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
        let function = match op {
            Operator::Plus => &PLUS,
            Operator::Minus => &MINUS,
            Operator::Multiply => &MULTIPLY,
            _ => return None,
        };
        Some(Arc::clone(function.get_or_init(|| Self::function(op))))
    }

    fn apply(&self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        match self.op {
            Operator::Plus => add(left, right),
            Operator::Minus => sub(left, right),
            _ => mul(left, right),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "mica_checked_plus",
            Operator::Minus => "mica_checked_minus",
            _ => "mica_checked_multiply",
        }
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!("{left} {} {right}", self.op)),
            _ => self.schema_name(args),
        }
    }

    // The operator's, which other nodes of the plan may name the column by.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let sides: Vec<String> = args
            .iter()
            .map(|arg| arg.schema_name().to_string())
            .collect();
        Ok(sides.join(&format!(" {} ", self.op)))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [left, right] if left == right => Ok(left.clone()),
            _ => plan_err!("'{}' takes two whole numbers of one type", self.op),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return plan_err!("'{}' takes two operands", self.op);
        };
        let outcome = apply(left, right, |left, right| self.apply(left, right));
        outcome.map_err(|error| match error.find_root() {
            datafusion::common::DataFusionError::ArrowError(cause, _) => match &**cause {
                ArrowError::ArithmeticOverflow(said) => {
                    overflow(said, args.return_field.data_type())
                }
                _ => error,
            },
            _ => error,
        })
    }
}

/// Arrow says `Overflow happened on: 2147483647 + 1`.
fn overflow(said: &str, data_type: &DataType) -> datafusion::common::DataFusionError {
    let operands = said.rsplit(": ").next().unwrap_or(said);
    exec_datafusion_err!(
        "{operands} does not fit {}; CAST an operand to BIGINT, DECIMAL or DOUBLE",
        sql_name(data_type)
    )
}
