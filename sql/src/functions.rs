//! Functions of our own: those that DataFusion and datafusion-spark lack or answer otherwise.

mod averages;
mod bounded;
mod checked;
mod collected;
mod current_names;
mod date_bin;
mod date_parts;
mod date_trunc;
pub(crate) mod differences;
mod divide;
mod extremes;
mod intervals;
pub(crate) mod local_time;
mod nested_names;
mod opaque;
mod operators;
mod round;
mod spark;
mod stand_in;
mod strings;
mod sum;
mod type_of;
mod zoned;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub(crate) use averages::avg;
pub(crate) use checked::{check_overflow, null_overflow};
pub(crate) use collected::all as collected;
pub(crate) use extremes::all as extremes;
pub(crate) use intervals::IntervalOperators;
pub(crate) use nested_names::NestedNames;
pub(crate) use opaque::{is_unknown, opaque};
pub(crate) use operators::SparkOperators;
pub(crate) use spark::{is_date, is_timestamp, spark_casts};

/// Internal names begin so; nobody calls them, and no list shows them.
pub(crate) const INTERNAL_PREFIX: &str = "mica_";

/// Functions of every dialect.
pub(crate) fn common() -> Vec<Arc<ScalarUDF>> {
    let mut functions = date_parts::ansi();
    functions.push(date_bin::function());
    functions.push(date_trunc::ansi());
    functions.extend(bounded::all());
    functions.extend(current_names::all());
    functions.extend(differences::all());
    functions.extend(strings::all());
    functions.extend(zoned::all());
    functions
}

/// Functions of the spark dialect, with the name that each is called by.
pub(crate) fn spark() -> Vec<(&'static str, Arc<ScalarUDF>)> {
    let mut functions = date_parts::spark();
    functions.extend(bounded::spark());
    functions.extend(date_trunc::spark());
    functions.push(("round", round::spark_round()));
    functions.push(("typeof", type_of::spark()));
    functions.push((divide::DIVIDE, divide::spark_divide()));
    functions.push((divide::DIV, divide::spark_div()));
    functions
}

/// Functions that calls of the spark dialect are written with, under their own names.
pub(crate) fn spark_internal() -> Vec<Arc<ScalarUDF>> {
    spark::all()
}
