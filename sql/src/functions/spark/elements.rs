//! `element_at`: of an array from one on, or from its end; of a map by key. NULL for what is not there.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err, plan_err};
use datafusion::functions_nested::extract::array_element_udf;
use datafusion::functions_nested::map_extract::map_extract_udf;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let signature = Signature::any(2, Volatility::Immutable);
    vec![Arc::new(ScalarUDF::new_from_impl(ElementAt { signature }))]
}

/// Written in terms of DataFusion's functions once it is known what it is an element of.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ElementAt {
    signature: Signature,
}

impl ScalarUDFImpl for ElementAt {
    fn name(&self) -> &str {
        "mica_element_at"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match &types[0] {
            DataType::List(element) | DataType::LargeList(element) => {
                Ok(element.data_type().clone())
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Ok(fields[1].data_type().clone()),
                other => internal_err!("entries of a map are {other}"),
            },
            other => plan_err!("element_at takes an array or a map, not {other}"),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [of, at] =
            <[Expr; 2]>::try_from(args).or_else(|_| plan_err!("element_at takes two"))?;
        let call = |function, args| Expr::ScalarFunction(ScalarFunction::new_udf(function, args));
        let element = match info.get_data_type(&of)? {
            DataType::Map(..) => {
                let found = call(map_extract_udf(), vec![of, at]);
                call(array_element_udf(), vec![found, lit(1_i64)])
            }
            _ => call(array_element_udf(), vec![of, at]),
        };
        Ok(ExprSimplifyResult::Simplified(element))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("element_at stands for another function in every plan that runs")
    }
}
