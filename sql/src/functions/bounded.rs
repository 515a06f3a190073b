//! Functions that make texts as long as they are told: no more at once than a bound.
//!
//! What they make is counted by no memory limit before it is there, `lpad('x', 2000000000)` takes
//! gigabytes, and more than 2 GiB in one batch is a panic of arrow's.

mod size;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result};
use datafusion::functions::{string, unicode};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion_spark::function::string as spark_string;

use size::Growth;

const GIB: u64 = 1 << 30;

/// Bytes of text that one call makes of a batch at most; half of what a batch can hold.
const TEXT_BYTES_MAX: u64 = GIB;

/// Functions of every dialect.
pub(super) fn all() -> [Arc<ScalarUDF>; 3] {
    [
        bounded(string::repeat(), Growth::Repeat),
        bounded(unicode::lpad(), Growth::Pad),
        bounded(unicode::rpad(), Growth::Pad),
    ]
}

pub(super) fn spark() -> [(&'static str, Arc<ScalarUDF>); 1] {
    [("space", bounded(spark_string::space(), Growth::Space))]
}

fn bounded(inner: Arc<ScalarUDF>, growth: Growth) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Bounded {
        signature: inner.signature().clone(),
        inner,
        growth,
        limit: TEXT_BYTES_MAX,
        planned: false,
    }))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    signature: Signature,
    growth: Growth,
    limit: u64,
    /// Whether this is the call of an optimised plan. Before, a call of literals is for one row,
    /// whose text the plan would then repeat in each row of a batch.
    planned: bool,
}

impl Bounded {
    fn check(&self, args: &ScalarFunctionArgs) -> Result<()> {
        let folds = !self.planned && args.number_rows == 1;
        let rows = match folds && args.args.iter().all(is_scalar) {
            true => args.config_options.execution.batch_size.get(),
            false => args.number_rows,
        };
        let bytes = self.growth.bytes(&args.args, rows)?;
        if bytes <= self.limit {
            return Ok(());
        }
        Err(DataFusionError::Execution(format!(
            "{} would make {bytes} bytes of text at once; at most {} are made",
            self.name(),
            human(self.limit)
        )))
    }
}

fn is_scalar(value: &ColumnarValue) -> bool {
    matches!(value, ColumnarValue::Scalar(_))
}

fn human(bytes: u64) -> String {
    match bytes % GIB {
        0 => format!("{} GiB", bytes / GIB),
        _ => format!("{bytes} bytes"),
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    /// The call as it runs. One of literals is here only if its text was too long to fold: volatile,
    /// so that no later pass folds it either.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let args = match self.inner.simplify(args, info)? {
            ExprSimplifyResult::Original(args) if !self.planned => args,
            other => return Ok(other),
        };
        let mut planned = self.clone();
        planned.planned = true;
        if args.iter().all(|arg| arg.as_literal().is_some()) {
            planned.signature.volatility = Volatility::Volatile;
        }
        let call = ScalarUDF::new_from_impl(planned).call(args);
        Ok(ExprSimplifyResult::Simplified(call))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&args)?;
        self.growth.amend(&mut args.args);
        self.inner.invoke_with_args(args)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
    use datafusion::arrow::datatypes::Field;
    use datafusion::common::ScalarValue;
    use datafusion::common::config::ConfigOptions;

    use super::*;

    fn limited(inner: Arc<ScalarUDF>, growth: Growth, limit: u64, planned: bool) -> Bounded {
        Bounded {
            signature: inner.signature().clone(),
            inner,
            growth,
            limit,
            planned,
        }
    }

    fn invoke(function: &Bounded, args: Vec<ColumnarValue>, number_rows: usize) -> Result<usize> {
        let fields = args.iter().map(|arg| Field::new("", arg.data_type(), true));
        let args = ScalarFunctionArgs {
            arg_fields: fields.map(Arc::new).collect(),
            args,
            number_rows,
            return_field: Arc::new(Field::new("", DataType::Utf8, true)),
            config_options: Arc::new(ConfigOptions::default()),
        };
        let made = function.invoke_with_args(args)?.into_array(number_rows)?;
        Ok(made.len())
    }

    fn texts(values: Vec<Option<&str>>) -> ColumnarValue {
        ColumnarValue::Array(Arc::new(StringArray::from(values)))
    }

    fn numbers(values: Vec<Option<i64>>) -> ColumnarValue {
        let values: ArrayRef = Arc::new(Int64Array::from(values));
        ColumnarValue::Array(values)
    }

    fn one(value: impl Into<ScalarValue>) -> ColumnarValue {
        ColumnarValue::Scalar(value.into())
    }

    #[test]
    fn a_batch_may_have_as_many_bytes_as_the_limit() {
        let repeat = |limit| limited(string::repeat(), Growth::Repeat, limit, true);
        let args = || {
            let texts = texts(vec![Some("abc"), Some("ab"), None, Some("x")]);
            vec![texts, numbers(vec![Some(2), Some(-7), Some(9), None])]
        };
        assert_eq!(invoke(&repeat(6), args(), 4).unwrap(), 4);
        let error = invoke(&repeat(5), args(), 4).unwrap_err();
        assert!(matches!(error, DataFusionError::Execution(_)));
        let said = "repeat would make 6 bytes of text at once; at most 5 bytes are made";
        assert!(error.to_string().contains(said), "{error}");
    }

    #[test]
    fn a_constant_counts_once_for_each_row() {
        let args = || vec![one("ab"), one(10_i64)];
        let planned = limited(string::repeat(), Growth::Repeat, 100, true);
        assert!(invoke(&planned, args(), 5).is_ok());
        assert!(invoke(&planned, args(), 6).is_err());
        // While it is folded it stands for a batch.
        let folded = limited(string::repeat(), Growth::Repeat, 100, false);
        assert!(invoke(&folded, args(), 1).is_err());
        assert!(invoke(&folded, vec![texts(vec![Some("ab")]), one(10_i64)], 1).is_ok());
    }

    #[test]
    fn pads_count_their_widest_characters() {
        let pad = |limit| limited(unicode::lpad(), Growth::Pad, limit, true);
        let args = |fill| vec![texts(vec![Some("abcdefgh")]), one(2_i64), one(fill)];
        // A text that is cut counts as what may be left of it.
        assert!(invoke(&pad(10), args("y"), 1).is_ok());
        assert!(invoke(&pad(9), args("y"), 1).is_err());
        assert!(invoke(&pad(10), args("é"), 1).is_err());
        let negative = vec![texts(vec![Some("x")]), numbers(vec![Some(-1)]), one("y")];
        assert_eq!(invoke(&pad(0), negative, 1).unwrap(), 1);
    }
}
