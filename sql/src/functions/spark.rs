//! Functions that calls of Spark's stand for, under internal names: see [`crate::spark_calls`].

mod by_row;
mod casts;
mod dates;
mod elements;
mod java_pattern;
mod json;
mod numbers;
mod reading;
mod regexps;
mod showing;
mod texts;

use std::sync::Arc;

pub(crate) use casts::spark_casts;
use datafusion::logical_expr::ScalarUDF;
pub(crate) use reading::{is_date, is_timestamp};

/// All of them, to be called by their own names.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    [
        casts::all(),
        dates::all(),
        elements::all(),
        json::all(),
        numbers::all(),
        regexps::all(),
        texts::all(),
    ]
    .concat()
}
