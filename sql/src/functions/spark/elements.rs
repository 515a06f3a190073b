//! `element_at` (of an array from one on, or from its end; of a map by key; NULL for what is not there)
//! and `sequence` (of whole numbers up or down, of days and moments).

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::functions_nested::extract::array_element_udf;
use datafusion::functions_nested::map_extract::map_extract_udf;
use datafusion::functions_nested::range::gen_series_udf;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
    when,
};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let element = ElementAt {
        signature: Signature::any(2, Volatility::Immutable),
    };
    let sequence = Sequence {
        signature: Signature::variadic_any(Volatility::Immutable),
    };
    vec![
        Arc::new(ScalarUDF::new_from_impl(element)),
        Arc::new(ScalarUDF::new_from_impl(sequence)),
    ]
}

fn call(function: Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
}

fn cast(expr: Expr, to: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), to))
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
        let element = match info.get_data_type(&of)? {
            DataType::Map(entries, _) => {
                let key = match entries.data_type() {
                    DataType::Struct(fields) if !fields.is_empty() => fields[0].data_type().clone(),
                    other => return internal_err!("entries of a map are {other}"),
                };
                let found = call(map_extract_udf(), vec![of, cast(at, key)]);
                call(array_element_udf(), vec![found, lit(1_i64)])
            }
            _ => {
                let at = cast(at, DataType::Int64);
                call(array_element_udf(), vec![of, at])
            }
        };
        Ok(ExprSimplifyResult::Simplified(element))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("element_at stands for another function in every plan that runs")
    }
}

/// Written with DataFusion's `generate_series`, which wants a step for days, and goes down with a
/// negative one alone.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sequence {
    signature: Signature,
}

impl ScalarUDFImpl for Sequence {
    fn name(&self) -> &str {
        "mica_sequence"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [of, ..] if of.is_integer() || of.is_temporal() => {
                Ok(DataType::new_list(of.clone(), true))
            }
            _ => plan_err!("sequence takes whole numbers, dates or timestamps"),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let mut args = args.into_iter();
        let (Some(from), Some(to)) = (args.next(), args.next()) else {
            return plan_err!("sequence takes two or three arguments");
        };
        let of = info.get_data_type(&from)?;
        let (from, to, step) = match of.is_integer() {
            true => {
                let [from, to] = [from, to].map(|end| cast(end, DataType::Int64));
                let upwards = from.clone().lt_eq(to.clone());
                let by_one = when(upwards, lit(1_i64)).otherwise(lit(-1_i64))?;
                let step = args.next().map(|step| cast(step, DataType::Int64));
                (from, to, step.unwrap_or(by_one))
            }
            false => {
                let days = |days| lit(ScalarValue::new_interval_mdn(0, days, 0));
                let to = cast(to, of.clone());
                let upwards = from.clone().lt_eq(to.clone());
                let by_one = when(upwards, days(1)).otherwise(days(-1))?;
                (from, to, args.next().unwrap_or(by_one))
            }
        };
        let series = call(gen_series_udf(), vec![from, to, step]);
        let series = cast(series, DataType::new_list(of, true));
        Ok(ExprSimplifyResult::Simplified(series))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("sequence stands for another function in every plan that runs")
    }
}
