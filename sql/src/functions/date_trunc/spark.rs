//! Spark's `date_trunc` and `trunc`, which datafusion-spark writes with DataFusion's `date_trunc`.
//!
//! What it writes stays; only the call is to ours.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion_spark::function::datetime;

pub(in super::super) fn all() -> [(&'static str, Arc<ScalarUDF>); 2] {
    let wrap = |inner| Arc::new(ScalarUDF::new_from_impl(SparkTrunc { inner }));
    [
        ("date_trunc", wrap(datetime::date_trunc())),
        ("trunc", wrap(datetime::trunc())),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SparkTrunc {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for SparkTrunc {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let date = args.first().cloned();
        let ExprSimplifyResult::Simplified(written) = self.inner.simplify(args, info)? else {
            return internal_err!("{} was not rewritten", self.name());
        };
        let ours = match (written, date) {
            (Expr::ScalarFunction(call), _) => super::ansi().call(call.args),
            (Expr::Cast(cast), Some(date)) => of_date(*cast.expr, date, info)?,
            _ => return internal_err!("{} was rewritten otherwise", self.name()),
        };
        Ok(ExprSimplifyResult::Simplified(ours))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// `trunc`, which goes by way of a timestamp: here one in microseconds.
fn of_date(written: Expr, date: Expr, info: &SimplifyContext) -> Result<Expr> {
    let Expr::ScalarFunction(mut call) = written else {
        return internal_err!("trunc was rewritten otherwise");
    };
    let to = date.get_type(info.schema())?;
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    if let Some(given) = call.args.last_mut() {
        *given = date.cast_to(&moment, info.schema())?;
    }
    super::ansi().call(call.args).cast_to(&to, info.schema())
}
