//! Spark's operators, where they differ from SQL's.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr,
};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit};
use datafusion_spark::function::math::modulus;
use sqlparser::ast::BinaryOperator;

use super::divide;

/// `/` is never an integer; `DIV` always is; what is no number becomes one; the first element of an array is `[0]`.
#[derive(Debug)]
pub(crate) struct SparkOperators;

impl ExprPlanner for SparkOperators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let expr = with_numbers(expr, schema);
        let function = match expr.op {
            BinaryOperator::Divide => divide::spark_divide(),
            BinaryOperator::MyIntegerDivide => divide::spark_div(),
            // By zero it is NULL, but in ANSI mode.
            BinaryOperator::Modulo => modulus(),
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let call = ScalarFunction::new_udf(function, vec![expr.left, expr.right]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }

    /// Elements of an array are counted from zero.
    fn plan_field_access(
        &self,
        expr: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let RawFieldAccessExpr { field_access, expr } = expr;
        let is_list = matches!(expr.get_type(schema)?, DataType::List(_));
        let field_access = match field_access {
            GetFieldAccess::ListIndex { key } if is_list => GetFieldAccess::ListIndex {
                key: Box::new(*key + lit(1_i64)),
            },
            other => other,
        };
        Ok(PlannerResult::Original(RawFieldAccessExpr {
            field_access,
            expr,
        }))
    }
}

/// Texts are doubles to arithmetic with numbers, or among themselves.
fn with_numbers(mut expr: RawBinaryExpr, schema: &DFSchema) -> RawBinaryExpr {
    let is_arithmetic = matches!(
        expr.op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    );
    let types = [&expr.left, &expr.right].map(|side| side.get_type(schema));
    let [Ok(left), Ok(right)] = types else {
        return expr;
    };
    // So are texts beside decimals, and both are compared as doubles.
    let beside_decimal = matches!(
        (&left, &right),
        (DataType::Utf8, DataType::Decimal128(..)) | (DataType::Decimal128(..), DataType::Utf8)
    );
    let is_comparison = matches!(
        expr.op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    );
    let is_arithmetic = is_arithmetic || is_comparison && beside_decimal;
    let (texts, numbers) = ([left.is_string(), right.is_string()], [&left, &right]);
    let others = numbers
        .iter()
        .all(|found| found.is_string() || found.is_numeric());
    if is_arithmetic && others {
        for (side, is_text) in [&mut expr.left, &mut expr.right].into_iter().zip(texts) {
            if is_text {
                let text = Box::new(std::mem::take(side));
                *side = Expr::Cast(Cast::new(text, DataType::Float64));
            }
        }
    }
    expr
}
