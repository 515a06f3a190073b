//! Which files a location holds, once per statement.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt;
use globset::{GlobBuilder, GlobMatcher};
use mica_catalog::{EntryId, Version};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;

use crate::location::Kind;
use crate::{Error, Location, Result, Roots};

/// The files of a location at one moment, by path.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The files.
    pub files: Vec<ObjectMeta>,
    /// Their sizes, added up.
    pub size_bytes: u64,
}

impl Listing {
    fn new(mut files: Vec<ObjectMeta>) -> Self {
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Self {
            size_bytes: files.iter().map(|file| file.size).sum(),
            files,
        }
    }
}

/// Extensions of other formats, whose files in a folder are passed over.
fn foreign_extensions(format: &str) -> &'static [&'static str] {
    match format {
        "CSV" => &[
            "parquet", "json", "ndjson", "jsonl", "orc", "avro", "sql", "md", "toml",
        ],
        "JSON" => &["parquet", "csv", "tsv", "orc", "avro", "sql", "md", "toml"],
        _ => &[
            "csv", "tsv", "json", "ndjson", "jsonl", "orc", "avro", "sql", "md", "toml", "crc",
        ],
    }
}

/// The files of `location`.
///
/// # Errors
/// [`Error::Missing`], [`Error::OutsideRoots`] for a link that leads out, [`Error::Store`].
pub(crate) async fn list(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    format: &str,
    roots: &Roots,
) -> Result<Listing> {
    let base = object_path(&location.base)?;
    if location.kind == Kind::File {
        let file = store.head(&base).await.map_err(|source| match source {
            object_store::Error::NotFound { .. } => Error::Missing {
                location: location.base.display().to_string(),
            },
            source => Error::Store {
                path: base.to_string(),
                source,
            },
        })?;
        return Ok(Listing::new(vec![file]));
    }
    let pattern = location.pattern.as_deref().map(glob).transpose()?;
    let found = store.list(Some(&base)).try_collect::<Vec<_>>().await;
    let mut files = found.map_err(|source| Error::Store {
        path: base.to_string(),
        source,
    })?;
    files.retain(|file| is_wanted(file, &base, pattern.as_ref(), format));
    linked_inside(files, location, roots).await
}

/// The listing of `files`, none of which links out. Many are looked at on a thread for such work.
async fn linked_inside(
    files: Vec<ObjectMeta>,
    location: &Location,
    roots: &Roots,
) -> Result<Listing> {
    const FEW: usize = 32;
    if files.len() <= FEW {
        check_links(&files, location, roots)?;
        return Ok(Listing::new(files));
    }
    let (location, roots) = (location.clone(), roots.clone());
    let check = move || check_links(&files, &location, &roots).map(|()| Listing::new(files));
    tokio::task::spawn_blocking(check)
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// `*` does not cross folders, `**` does.
fn glob(pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.map_err(|error| Error::BadLocation {
        location: pattern.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(glob.compile_matcher())
}

fn is_wanted(
    file: &ObjectMeta,
    base: &ObjectPath,
    pattern: Option<&GlobMatcher>,
    format: &str,
) -> bool {
    let Some(below) = file.location.prefix_match(base) else {
        return false;
    };
    let parts: Vec<String> = below.map(|part| part.as_ref().to_owned()).collect();
    let hidden = |part: &String| part.starts_with('_') || part.starts_with('.');
    if parts.iter().any(hidden) || file.size == 0 {
        return false;
    }
    if let Some(pattern) = pattern {
        return pattern.is_match(parts.join("/"));
    }
    let name = parts.last().map_or("", String::as_str);
    let name = ["gz", "zst", "bz2", "xz"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix)?.strip_suffix('.'))
        .unwrap_or(name);
    let extension = Path::new(name)
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase());
    extension.is_none_or(|extension| !foreign_extensions(format).contains(&extension.as_str()))
}

/// Every file, once links are followed, lies in the location or in a root.
fn check_links(files: &[ObjectMeta], location: &Location, roots: &Roots) -> Result<()> {
    for file in files {
        check_file(file, location, roots)?;
    }
    Ok(())
}

fn check_file(file: &ObjectMeta, location: &Location, roots: &Roots) -> Result<()> {
    let path = PathBuf::from(format!("/{}", file.location));
    let Ok(resolved) = path.canonicalize() else {
        return Err(Error::Missing {
            location: path.display().to_string(),
        });
    };
    if resolved.starts_with(location.folder()) || roots.contain(&resolved) {
        return Ok(());
    }
    Err(Error::OutsideRoots {
        path: path.display().to_string(),
    })
}

/// The object store's name of an absolute path.
pub(crate) fn object_path(path: &Path) -> Result<ObjectPath> {
    ObjectPath::from_absolute_path(path).map_err(|source| Error::BadLocation {
        location: path.display().to_string(),
        reason: source.to_string(),
    })
}

type Memo = Arc<tokio::sync::OnceCell<Arc<Listing>>>;

/// The listings of one statement: a relation is listed once, however often it is read.
#[derive(Debug, Default)]
pub struct StatementListings {
    kept: Mutex<HashMap<(EntryId, Version), Memo>>,
    listed: AtomicU64,
}

impl StatementListings {
    /// The listing of a relation, taken now or before in this statement.
    ///
    /// # Errors
    /// Those of the listing.
    pub(crate) async fn get(
        &self,
        key: (EntryId, Version),
        list: impl Future<Output = Result<Listing>>,
    ) -> Result<Arc<Listing>> {
        let memo = Arc::clone(self.kept.lock().entry(key).or_default());
        let listing = memo
            .get_or_try_init(|| async {
                self.listed.fetch_add(1, Ordering::Relaxed);
                list.await.map(Arc::new)
            })
            .await?;
        Ok(Arc::clone(listing))
    }

    /// How many listings were taken.
    pub fn count(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }
}
