//! A value that the optimizer knows nothing about: neither whether it is constant nor how it is
//! ordered.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// `value`, as it is.
pub(crate) fn opaque(value: Expr) -> Expr {
    static OPAQUE: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
    static UNKNOWN: OnceLock<Arc<ScalarUDF>> = OnceLock::new();
    let opaque = OPAQUE.get_or_init(|| {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Opaque { signature }))
    });
    let unknown = UNKNOWN.get_or_init(|| {
        let signature = Signature::nullary(Volatility::Volatile);
        Arc::new(ScalarUDF::new_from_impl(Unknown { signature }))
    });
    // A call of constants is constant to DataFusion, whatever the function says of itself, but for one
    // without arguments.
    opaque.call(vec![value, unknown.call(Vec::new())])
}

/// Whether a function is volatile in name alone, so that a plan with it is the same at all times.
pub(crate) fn is_unknown(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<Unknown>().is_some()
}

/// Gives its first argument.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Opaque {
    signature: Signature,
}

impl ScalarUDFImpl for Opaque {
    fn name(&self) -> &str {
        "mica_opaque"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value, _] => Ok(value.clone()),
            _ => plan_err!("a value is taken"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields {
            [value, _] => Ok(Arc::clone(value)),
            _ => plan_err!("a value is taken"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => plan_err!("a value is taken"),
        }
    }
}

/// Gives NULL, and claims that it might be anything.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Unknown {
    signature: Signature,
}

impl ScalarUDFImpl for Unknown {
    fn name(&self) -> &str {
        "mica_unknown"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)))
    }
}
