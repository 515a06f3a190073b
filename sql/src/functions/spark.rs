//! Functions that calls of Spark's stand for, under internal names: see [`crate::spark_calls`].

mod by_row;
mod dates;
mod java_pattern;
mod regexps;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

/// All of them, to be called by their own names.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    [dates::all(), regexps::all()].concat()
}
