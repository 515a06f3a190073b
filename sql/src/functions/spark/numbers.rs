//! Logarithms and roots of numbers that have none, and `bround`, as in Spark.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ScalarUDF, TypeSignature};

use super::by_row::{ByRow, Session};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let of_one = |name, run| ByRow {
        name,
        signature: TypeSignature::Exact(vec![DataType::Float64]),
        result: DataType::Float64,
        run,
    };
    let bround = ByRow {
        name: "mica_bround",
        signature: TypeSignature::Exact(vec![DataType::Float64, DataType::Int32]),
        result: DataType::Float64,
        run: bround,
    };
    let all = [
        of_one("mica_ln", |args, _| above(args, 0.0, f64::ln)),
        of_one("mica_log10", |args, _| above(args, 0.0, f64::log10)),
        of_one("mica_log2", |args, _| above(args, 0.0, f64::log2)),
        of_one("mica_log1p", |args, _| above(args, -1.0, f64::ln_1p)),
        of_one("mica_sqrt", sqrt),
        bround,
    ];
    all.into_iter().map(ByRow::function).collect()
}

/// NULL for what is not above `least`.
fn above(args: &[ArrayRef], least: f64, of: fn(f64) -> f64) -> Result<ArrayRef> {
    let numbers = args[0].as_primitive::<Float64Type>();
    let results: Float64Array = numbers.unary_opt(|number| match number <= least {
        true => None,
        false => Some(of(number)),
    });
    Ok(Arc::new(results))
}

/// NaN for what is below zero.
fn sqrt(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let numbers = args[0].as_primitive::<Float64Type>();
    let roots: Float64Array = numbers.unary(f64::sqrt);
    Ok(Arc::new(roots))
}

/// Rounds half to even.
fn bround(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let (numbers, digits) = (
        args[0].as_primitive::<Float64Type>(),
        args[1].as_primitive::<Int32Type>(),
    );
    let rows = numbers.iter().zip(digits);
    let rounded = rows.map(|(number, digits)| Some(rounded(number?, digits?)));
    Ok(Arc::new(rounded.collect::<Float64Array>()))
}

fn rounded(number: f64, digits: i32) -> f64 {
    let power = 10f64.powi(digits.saturating_abs());
    match digits >= 0 {
        // More digits than a double has.
        true if !(number * power).is_finite() => number,
        true => (number * power).round_ties_even() / power,
        false if !power.is_finite() => 0.0,
        false => (number / power).round_ties_even() * power,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_to_even() {
        assert_eq!(rounded(2.5, 0), 2.0);
        assert_eq!(rounded(25.0, -1), 20.0);
        assert_eq!(rounded(2.5, 400), 2.5);
        assert_eq!(rounded(1234.5, -400), 0.0);
    }
}
