//! `current_catalog()`, `current_schema()` and `current_database()`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

/// The functions, which take their values from the options that a text is planned with.
pub(super) fn all() -> [Arc<ScalarUDF>; 3] {
    ["current_catalog", "current_schema", "current_database"].map(|name| {
        Arc::new(ScalarUDF::new_from_impl(CurrentName {
            name,
            signature: Signature::nullary(Volatility::Stable),
            value: String::new(),
        }))
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentName {
    name: &'static str,
    signature: Signature,
    value: String,
}

impl ScalarUDFImpl for CurrentName {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn with_updated_config(&self, options: &ConfigOptions) -> Option<ScalarUDF> {
        let value = match self.name {
            "current_catalog" => &options.catalog.default_catalog,
            _ => &options.catalog.default_schema,
        };
        Some(ScalarUDF::new_from_impl(Self {
            name: self.name,
            signature: self.signature.clone(),
            value: value.clone(),
        }))
    }

    fn simplify(&self, _: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(ExprSimplifyResult::Simplified(lit(self.value.as_str())))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::from(
            self.value.as_str(),
        )))
    }
}
