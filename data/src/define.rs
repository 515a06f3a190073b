//! Looks at the files of a new table: where they are, and what columns they have.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use mica_catalog::{ExternalTable, fold};
use object_store::{ObjectMeta, ObjectStore};

use crate::listing::list;
use crate::location::Kind;
use crate::options::{CsvOptions, DIALECT, JsonOptions, check_parquet};
use crate::scan::local_store_url;
use crate::{Error, Location, Result, Roots, csv, json, parquet, partitions};

/// How much of text files is read to infer columns.
#[derive(Clone, Debug)]
pub struct InferenceLimits {
    /// Bytes, uncompressed.
    pub bytes_max: u64,
    /// Seconds.
    pub seconds_max: u64,
}

impl Default for InferenceLimits {
    fn default() -> Self {
        Self {
            bytes_max: 1 << 30,
            seconds_max: 10,
        }
    }
}

/// A table to be defined, as written.
#[derive(Clone, Debug)]
pub struct Definition {
    /// A path or URL.
    pub location: String,
    /// `CSV`, `JSON`, `PARQUET` or `TEXTFILE`.
    pub format: String,
    /// Options under any of their names, keys in lower case.
    pub options: BTreeMap<String, String>,
    /// Declared columns, partition columns included.
    pub columns: Option<SchemaRef>,
    /// Names of the partition columns.
    pub partition_columns: Vec<String>,
    /// Whether Spark's rules for headers and types apply.
    pub spark: bool,
    /// Relative locations are relative to it.
    pub folder: PathBuf,
    /// Whether the location must lie in the roots.
    pub restricted: bool,
}

/// A table as it is stored.
#[derive(Clone, Debug)]
pub struct Defined {
    /// Location, format and options.
    pub table: ExternalTable,
    /// All columns, partition columns last.
    pub columns: SchemaRef,
    /// What the user should know.
    pub note: Option<String>,
}

/// Columns that were inferred from files.
pub(crate) struct Inferred {
    pub(crate) columns: Schema,
    pub(crate) note: Option<String>,
}

/// Resolves the location of a table, checks it, and infers what is not declared.
///
/// # Errors
/// [`Error::Missing`], [`Error::OutsideRoots`], [`Error::NoFiles`], [`Error::Empty`] and what else
/// is wrong with the location, the options or the files.
pub async fn define(
    mut definition: Definition,
    session: &dyn Session,
    roots: &Roots,
    limits: &InferenceLimits,
) -> Result<Defined> {
    // An exported statement says so in its options.
    definition.spark |= definition
        .options
        .get(DIALECT)
        .is_some_and(|name| name == "spark");
    let location = resolve(&definition, roots)?;
    let store = session.runtime_env().object_store(local_store_url());
    let store = store.map_err(|source| Error::DataFusion {
        path: definition.location.clone(),
        source,
    })?;
    let format = match definition.format.as_str() {
        "TEXTFILE" => "CSV",
        format => format,
    };
    let listing = list(&store, &location, format, roots).await?;
    if listing.files.is_empty() && definition.columns.is_none() {
        return Err(Error::NoFiles {
            location: location.to_url(),
            format: format.to_owned(),
        });
    }
    if location.kind == Kind::File && listing.size_bytes == 0 && definition.columns.is_none() {
        return Err(Error::Empty {
            location: location.base.display().to_string(),
        });
    }
    let files = Files {
        store,
        files: listing.files,
        location: &location,
    };
    let (mut options, inferred) = columns(&definition, format, &files, session, limits).await?;
    if definition.spark {
        options.insert(DIALECT.to_owned(), "spark".to_owned());
    }
    let (columns, partition_columns) = arranged(&definition, &files, inferred.columns)?;
    Ok(Defined {
        table: ExternalTable {
            location: location.to_url(),
            format: format.to_owned(),
            options,
            partition_columns,
            statement: None,
        },
        columns,
        note: inferred.note,
    })
}

struct Files<'a> {
    store: Arc<dyn ObjectStore>,
    files: Vec<ObjectMeta>,
    location: &'a Location,
}

fn resolve(definition: &Definition, roots: &Roots) -> Result<Location> {
    let outside = || Error::OutsideRoots {
        path: definition.location.clone(),
    };
    let location = match Location::resolve(&definition.location, &definition.folder) {
        // Whether something exists outside is nobody's business.
        Err(Error::Missing { location }) if definition.restricted => {
            let inside = roots.contain(&nearest_existing(&location));
            return Err(match inside {
                true => Error::Missing { location },
                false => outside(),
            });
        }
        resolved => resolved?,
    };
    if definition.restricted && !roots.contain(&location.base) {
        return Err(outside());
    }
    Ok(location)
}

/// The resolved path of what exists of a missing path.
fn nearest_existing(missing: &str) -> PathBuf {
    let path = PathBuf::from(missing);
    let mut ancestors = path.ancestors();
    ancestors
        .find_map(|ancestor| ancestor.canonicalize().ok())
        .unwrap_or_default()
}

/// The options as stored, and the columns of the files.
async fn columns(
    definition: &Definition,
    format: &str,
    files: &Files<'_>,
    session: &dyn Session,
    limits: &InferenceLimits,
) -> Result<(BTreeMap<String, String>, Inferred)> {
    match format {
        "CSV" => csv_columns(definition, files, limits).await,
        "JSON" => json_columns(definition, files, limits).await,
        "PARQUET" => {
            check_parquet(&definition.options)?;
            let inferred = match declared(definition) {
                Some(declared) => declared,
                None => Inferred {
                    columns: parquet::infer(session, &files.store, &files.files).await?,
                    note: None,
                },
            };
            Ok((BTreeMap::new(), inferred))
        }
        other => Err(Error::Format {
            format: other.to_owned(),
        }),
    }
}

fn declared(definition: &Definition) -> Option<Inferred> {
    let columns = definition.columns.as_ref()?;
    Some(Inferred {
        columns: (**columns).clone(),
        note: None,
    })
}

async fn csv_columns(
    definition: &Definition,
    files: &Files<'_>,
    limits: &InferenceLimits,
) -> Result<(BTreeMap<String, String>, Inferred)> {
    let text_file = definition.format == "TEXTFILE";
    let mut options = CsvOptions::defaults(definition.spark, text_file);
    options.apply(&definition.options)?;
    let inferred = match declared(definition) {
        Some(declared) => declared,
        None => {
            let (store, spark) = (&files.store, definition.spark);
            csv::infer(store, &files.files, &options, spark, limits).await?
        }
    };
    let mut stored = options.to_map();
    if definition.spark && options.infer {
        // Not Spark's default; REFRESH must know.
        stored.insert("infer_schema".to_owned(), "true".to_owned());
    }
    Ok((stored, inferred))
}

async fn json_columns(
    definition: &Definition,
    files: &Files<'_>,
    limits: &InferenceLimits,
) -> Result<(BTreeMap<String, String>, Inferred)> {
    let options = JsonOptions::from_map(&definition.options)?;
    let lines = match (options.lines, files.files.first()) {
        (Some(lines), _) => lines,
        (None, Some(first)) => json::is_lines(&files.store, first).await?,
        (None, None) => true,
    };
    let inferred = match declared(definition) {
        Some(declared) => declared,
        None => {
            let (store, spark) = (&files.store, definition.spark);
            json::infer(store, &files.files, lines, spark, limits).await?
        }
    };
    let stored = ("newline_delimited".to_owned(), lines.to_string());
    Ok((BTreeMap::from([stored]), inferred))
}

/// Columns with partition columns last, and the names of those.
fn arranged(
    definition: &Definition,
    files: &Files<'_>,
    columns: Schema,
) -> Result<(SchemaRef, Vec<String>)> {
    let found = match files.location.kind {
        Kind::File => Vec::new(),
        _ => partitions::infer(&files.files, &files.location.base, definition.spark)?,
    };
    let names: Vec<String> = match definition.partition_columns.as_slice() {
        [] if definition.columns.is_none() => {
            found.iter().map(|field| field.name().clone()).collect()
        }
        declared => declared.to_vec(),
    };
    let is_partition = |name: &str| names.iter().any(|known| fold(known) == fold(name));
    let mut fields: Vec<Field> = columns
        .fields()
        .iter()
        .filter(|field| !is_partition(field.name()))
        .map(|field| Field::new(field.name(), field.data_type().clone(), true))
        .collect();
    for name in &names {
        let declared = columns
            .fields()
            .iter()
            .find(|f| fold(f.name()) == fold(name));
        let inferred = found.iter().find(|field| fold(field.name()) == fold(name));
        let field = declared.map(AsRef::as_ref).or(inferred);
        let Some(field) = field else {
            return Err(Error::Columns {
                problem: format!(
                    "the partition column '{name}' is neither declared nor a folder's key"
                ),
            });
        };
        fields.push(Field::new(name, field.data_type().clone(), true));
    }
    let names_of: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let unique = csv::unique_names(&names_of);
    let fields = fields
        .into_iter()
        .zip(unique)
        .map(|(field, name)| field.with_name(name));
    Ok((Arc::new(Schema::new(fields.collect::<Vec<_>>())), names))
}
