//! A function that is computed value by value.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

/// What of a session a function depends on.
pub(super) struct Session {
    /// Whether what cannot be read is NULL, as it is in Spark but in ANSI mode.
    pub(super) is_lenient: bool,
    /// Its time zone.
    pub(super) zone: Tz,
}

/// A function with one result for the values of a row. It is immutable, and known by its name.
#[derive(Debug)]
pub(super) struct ByRow {
    pub(super) name: &'static str,
    /// What the arguments are cast to, or as they are.
    pub(super) signature: TypeSignature,
    pub(super) result: DataType,
    pub(super) run: fn(&[ArrayRef], &Session) -> Result<ArrayRef>,
}

impl ByRow {
    pub(super) fn function(self) -> Arc<ScalarUDF> {
        let signature = Signature::new(self.signature.clone(), Volatility::Immutable);
        let inner = self;
        Arc::new(ScalarUDF::new_from_impl(Function { inner, signature }))
    }
}

#[derive(Debug)]
struct Function {
    inner: ByRow,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.inner.name == other.inner.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.inner.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.inner.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(_));
        let scalar = args.args.iter().all(is_scalar);
        let execution = &args.config_options.execution;
        let zone = execution.time_zone.as_deref().unwrap_or("UTC");
        let session = Session {
            is_lenient: !execution.enable_ansi_mode,
            zone: zone.parse()?,
        };
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let result = (self.inner.run)(&arrays, &session)?;
        Ok(match scalar && !result.is_empty() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?),
            false => ColumnarValue::Array(result),
        })
    }
}

/// What was made of a text last: patterns seldom change from row to row.
#[derive(Debug)]
pub(super) struct Last<T> {
    text: String,
    made: Option<T>,
}

impl<T> Last<T> {
    pub(super) fn new() -> Self {
        Self {
            text: String::new(),
            made: None,
        }
    }

    /// What `make` makes of `text`.
    pub(super) fn get(&mut self, text: &str, make: fn(&str) -> Result<T>) -> Result<&T> {
        if self.text != text {
            self.made = None;
        }
        if self.made.is_none() {
            self.text = text.to_owned();
            self.made = Some(make(text)?);
        }
        match &self.made {
            Some(made) => Ok(made),
            None => datafusion::common::internal_err!("nothing was made of '{text}'"),
        }
    }
}
