//! Looks at the files of a new table: where they are, and what columns they have.

mod columns;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use mica_catalog::ExternalTable;
use object_store::{ObjectMeta, ObjectStore};

pub(crate) use columns::Inferred;

use crate::listing::list;
use crate::location::Kind;
use crate::options::DIALECT;
use crate::scan::local_store_url;
use crate::{Error, Location, Result, Roots};

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
    let format = match definition.format.as_str() {
        "TEXTFILE" => "CSV",
        format => format,
    };
    let files = found(&definition, format, &location, session, roots).await?;
    let (mut options, inferred) =
        columns::of_files(&definition, format, &files, session, limits).await?;
    if definition.spark {
        options.insert(DIALECT.to_owned(), "spark".to_owned());
    }
    let (columns, partition_columns) = columns::arranged(&definition, &files, inferred.columns)?;
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

/// The files at `location`. There must be some to infer from, unless columns are declared.
async fn found<'a>(
    definition: &Definition,
    format: &str,
    location: &'a Location,
    session: &dyn Session,
    roots: &Roots,
) -> Result<Files<'a>> {
    let store = session.runtime_env().object_store(local_store_url());
    let store = store.map_err(|source| Error::DataFusion {
        path: definition.location.clone(),
        source,
    })?;
    let listing = list(&store, location, format, roots).await?;
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
    Ok(Files {
        store,
        files: listing.files,
        location,
    })
}

/// The files of a table that is being defined.
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
