//! Hive's folders: `day=2024-05-15/hour=3/part.csv`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result as DfResult, ScalarValue, exec_err};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use mica_catalog::fold;
use object_store::ObjectMeta;
use percent_encoding::percent_decode_str;

use crate::infer::Narrowest;
use crate::listing::object_path;
use crate::{Error, Result};

/// The folder name of NULL in Hive and Spark.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// `key` and `value` of the folders between `base` and a file.
fn folders(file: &ObjectMeta, base: &Path) -> Result<Vec<(String, Option<String>)>> {
    let base = object_path(base)?;
    let Some(parts) = file.location.prefix_match(&base) else {
        return Ok(Vec::new());
    };
    let mut parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    parts.pop();
    let pair = |part: &String| {
        let (key, value) = part.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        Some((key.to_owned(), (value != NULL).then_some(value)))
    };
    Ok(parts.iter().filter_map(pair).collect())
}

/// The partition columns of files below `base`: keys in the order of the folders, in the narrowest
/// type of all values. Empty if the files are not in such folders.
///
/// # Errors
/// [`Error::Columns`] if files disagree about the keys.
pub(crate) fn infer(files: &[ObjectMeta], base: &Path, spark: bool) -> Result<Vec<Field>> {
    let mut keys: Option<Vec<String>> = None;
    let mut kinds: Vec<Narrowest> = Vec::new();
    for file in files {
        let folders = folders(file, base)?;
        let names: Vec<String> = folders.iter().map(|(key, _)| key.clone()).collect();
        let known = keys.get_or_insert_with(|| {
            kinds = vec![Narrowest::Nothing; names.len()];
            names.clone()
        });
        if *known != names {
            return Err(Error::Columns {
                problem: format!(
                    "files lie in folders of different keys: {known:?}, and {names:?} for '/{}'",
                    file.location
                ),
            });
        }
        for (kind, (_, value)) in kinds.iter_mut().zip(&folders) {
            *kind = kind.widen(value.as_deref().map_or(Narrowest::Nothing, Narrowest::of));
        }
    }
    let keys = keys.unwrap_or_default();
    let field = |(key, kind): (String, Narrowest)| Field::new(key, kind.data_type(spark), true);
    Ok(keys.into_iter().zip(kinds).map(field).collect())
}

/// The values of `columns` (folded) for a file.
///
/// # Errors
/// [`Error::Columns`] for a folder that lacks a key, or a value that is not of its column's type.
pub(crate) fn values(
    file: &ObjectMeta,
    base: &Path,
    columns: &[FieldRef],
) -> Result<Vec<ScalarValue>> {
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let folders: BTreeMap<String, Option<String>> = folders(file, base)?
        .into_iter()
        .map(|(key, value)| (fold(&key), value))
        .collect();
    let value = |column: &FieldRef| {
        let problem = |problem: String| Error::Columns { problem };
        let Some(text) = folders.get(column.name()) else {
            return Err(problem(format!(
                "'/{}' lies in no folder '{}=..'",
                file.location,
                column.name()
            )));
        };
        let text = ScalarValue::Utf8(text.clone());
        text.cast_to(column.data_type()).map_err(|_| {
            problem(format!(
                "'/{}': the folder's value of '{}' is not of its type",
                file.location,
                column.name()
            ))
        })
    };
    columns.iter().map(value).collect()
}

/// Whether a filter can be answered by partition columns alone.
pub(crate) fn is_partition_filter(filter: &Expr, columns: &[FieldRef]) -> bool {
    let references = filter.column_refs();
    !references.is_empty()
        && !filter.is_volatile()
        && references
            .iter()
            .all(|column| columns.iter().any(|known| known.name() == column.name()))
}

/// Which of the files, with these partition values, `filters` may want.
///
/// # Errors
/// What DataFusion says of the filters.
pub(crate) fn matching(
    session: &dyn Session,
    filters: &[Expr],
    columns: &[FieldRef],
    values: &[Vec<ScalarValue>],
) -> DfResult<Vec<bool>> {
    let wanted = filters
        .iter()
        .filter(|filter| is_partition_filter(filter, columns));
    let Some(filter) = conjunction(wanted.cloned().map(unqualified)) else {
        return Ok(vec![true; values.len()]);
    };
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let schema: SchemaRef = Arc::new(Schema::new(columns.to_vec()));
    let arrays = (0..columns.len()).map(|at| {
        let cells = values.iter().map(|row| row[at].clone());
        ScalarValue::iter_to_array(cells)
    });
    let arrays: Vec<ArrayRef> = arrays.collect::<DfResult<_>>()?;
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    let schema = DFSchema::try_from(schema)?;
    let filter = session.create_physical_expr(filter, &schema)?;
    let matched = filter.evaluate(&batch)?.into_array(values.len())?;
    let Some(matched) = matched.as_any().downcast_ref::<BooleanArray>() else {
        return exec_err!("a filter must be a boolean");
    };
    Ok(matched.iter().map(|value| value == Some(true)).collect())
}

/// A filter on the table's own columns.
fn unqualified(filter: Expr) -> Expr {
    datafusion::logical_expr::expr_rewriter::unnormalize_col(filter)
}
