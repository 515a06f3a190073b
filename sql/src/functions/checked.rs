//! `+`, `-` and `*` of whole numbers that do not fit their type: an error, as SQL wants it. So are
//! sums, by [`super::sum`].
//!
//! DataFusion's wrap around without a word, so that a quantity times a price in INTEGER can come out
//! negative.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{ArrayRef, Datum};
use datafusion::arrow::compute::kernels::numeric::{add, mul, sub};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{
    DFSchema, DataFusionError, Result, ScalarValue, exec_datafusion_err, plan_err,
};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, WindowFunctionDefinition,
    lit,
};
use datafusion::physical_expr_common::datum::apply;

use super::sum::Overflow;
use crate::passes::each_expression;
use crate::types::sql_name;

/// Makes the operators of an analysed plan tell when a whole number does not fit.
///
/// # Errors
/// What DataFusion says of a plan that it cannot walk; none that it analysed.
pub(crate) fn check_overflow(plan: LogicalPlan) -> Result<LogicalPlan> {
    each_expression(plan, |expr, schema| Ok(checked(expr, schema)), Ok)
}

/// Makes sums of decimals that do not fit NULL.
///
/// # Errors
/// As [`check_overflow`].
pub(crate) fn null_overflow(plan: LogicalPlan) -> Result<LogicalPlan> {
    each_expression(plan, |expr, _| Ok(summed(expr, Overflow::Null)), Ok)
}

fn checked(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let function =
                Checked::of(op).filter(|_| is_whole(&left, schema) && is_whole(&right, schema));
            match function {
                Some(function) => Transformed::yes(call(function, *left, *right)),
                None => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
            }
        }
        Expr::Negative(value) => {
            match zero_like(&value, schema).zip(Checked::of(Operator::Minus)) {
                Some((zero, minus)) => Transformed::yes(call(minus, zero, *value)),
                None => Transformed::no(Expr::Negative(value)),
            }
        }
        expr => summed(expr, Overflow::Error),
    }
}

/// The sum that looks for an overflow, if `expr` is a call of DataFusion's.
fn summed(expr: Expr, overflow: Overflow) -> Transformed<Expr> {
    match expr {
        Expr::AggregateFunction(mut call) => {
            let sum = super::sum::checked(&call.func, overflow);
            let changed = sum.is_some();
            call.func = sum.unwrap_or(call.func);
            Transformed::new_transformed(Expr::AggregateFunction(call), changed)
        }
        Expr::WindowFunction(mut call) => {
            let sum = match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => {
                    super::sum::checked(function, overflow)
                }
                WindowFunctionDefinition::WindowUDF(_) => None,
            };
            let changed = sum.is_some();
            call.fun = sum.map_or(call.fun, WindowFunctionDefinition::AggregateUDF);
            Transformed::new_transformed(Expr::WindowFunction(call), changed)
        }
        expr => Transformed::no(expr),
    }
}

fn call(function: Arc<ScalarUDF>, left: Expr, right: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![left, right]))
}

fn is_whole(side: &Expr, schema: &DFSchema) -> bool {
    // Deriving the type of a long sum at each of its terms would take the square of their number.
    let is_checked = |call: &ScalarFunction| call.func.inner().downcast_ref::<Checked>().is_some();
    match side {
        Expr::ScalarFunction(call) if is_checked(call) => true,
        side => side.get_type(schema).is_ok_and(|found| found.is_integer()),
    }
}

/// Zero in the type of `value`, if that is one of whole numbers.
fn zero_like(value: &Expr, schema: &DFSchema) -> Option<Expr> {
    let found = value.get_type(schema).ok()?;
    let zero = found.is_integer().then(|| ScalarValue::new_zero(&found));
    zero?.ok().map(lit)
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

    // As the operator: nodes above, such as a union, keep the schema that they had with it.
    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        let data_type = self.return_type(&types)?;
        Ok(Arc::new(Field::new(self.name(), data_type, nullable)))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return plan_err!("'{}' takes two operands", self.op);
        };
        let outcome = apply(left, right, |left, right| self.apply(left, right));
        outcome.map_err(|error| match overflowed(&error) {
            Some(operands) => does_not_fit(operands, args.return_field.data_type()),
            None => error,
        })
    }
}

/// The operands that Arrow names: `Overflow happened on: 2147483647 + 1`.
fn overflowed(error: &DataFusionError) -> Option<&str> {
    match error.find_root() {
        DataFusionError::ArrowError(cause, _) => match &**cause {
            ArrowError::ArithmeticOverflow(said) => said.rsplit(": ").next(),
            _ => None,
        },
        _ => None,
    }
}

fn does_not_fit(operands: &str, data_type: &DataType) -> DataFusionError {
    let (name, wider) = match data_type {
        unsigned if unsigned.is_unsigned_integer() => ("an unsigned type".to_owned(), "BIGINT"),
        DataType::Int64 => (sql_name(data_type), "DECIMAL or DOUBLE"),
        smaller => (sql_name(smaller), "BIGINT"),
    };
    exec_datafusion_err!("{operands} does not fit {name}; CAST an operand to {wider}")
}
