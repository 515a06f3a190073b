//! Reads a project's folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mica_sql::Dialect;
use mica_sql::project::{LAYERS, Project, SourceFile, layer_of};
use serde::Deserialize;

/// Why a project's folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    /// It is not there.
    #[error("the project '{path}' is not a folder")]
    NotAFolder {
        /// As written.
        path: PathBuf,
    },
    /// It holds no SQL.
    #[error("the project '{path}' holds no .sql files in layer folders ({})", LAYERS.join(", "))]
    NoFiles {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read '{path}'")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `mica.toml` is wrong.
    #[error("{path}: {message}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
}

/// `mica.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectFile {
    /// Name of the project; the folder's by default.
    name: Option<String>,
    /// Dialect of its files.
    dialect: Option<String>,
    /// Schema of its unqualified names.
    schema: Option<String>,
    /// Layer folders, in order; found by default.
    layers: Option<Vec<String>>,
    /// Folder that its relative locations are relative to, relative to the project's.
    base: Option<PathBuf>,
    /// Values of `${name}`.
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// The project in a folder.
///
/// # Errors
/// [`ProjectError`].
pub(crate) fn read(path: &Path) -> Result<Project, ProjectError> {
    let not_a_folder = || ProjectError::NotAFolder {
        path: path.to_owned(),
    };
    let folder = path.canonicalize().map_err(|_| not_a_folder())?;
    if !folder.is_dir() {
        return Err(not_a_folder());
    }
    let config = config(&folder)?;
    let bad = |message: String| ProjectError::Config {
        path: folder.join("mica.toml"),
        message,
    };
    let dialect = match &config.dialect {
        None => Dialect::default(),
        Some(name) => Dialect::parse(name).map_err(|error| bad(error.to_string()))?,
    };
    let base = match &config.base {
        None => folder.clone(),
        Some(base) => folder
            .join(base)
            .canonicalize()
            .map_err(|error| bad(error.to_string()))?,
    };
    let files = files(&folder, config.layers.as_deref())?;
    if files.is_empty() {
        return Err(ProjectError::NoFiles { path: folder });
    }
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    Ok(Project {
        name: config.name.or(name).unwrap_or_else(|| "project".to_owned()),
        folder: base.to_string_lossy().into_owned(),
        dialect,
        schema: config
            .schema
            .unwrap_or_else(|| mica_catalog::DEFAULT_SCHEMA.to_owned()),
        variables: config.variables,
        files,
    })
}

fn config(folder: &Path) -> Result<ProjectFile, ProjectError> {
    let path = folder.join("mica.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(source) => return Err(ProjectError::Read { path, source }),
    };
    toml::from_str(&text).map_err(|error| ProjectError::Config {
        path,
        message: error.to_string(),
    })
}

/// The `.sql` files of the layer folders: layers in the order in which data flows, files by path.
fn files(folder: &Path, layers: Option<&[String]>) -> Result<Vec<SourceFile>, ProjectError> {
    let mut folders: Vec<String> = match layers {
        Some(layers) => layers.to_vec(),
        None => entries(folder)?
            .into_iter()
            .filter(|path| path.is_dir())
            .filter_map(|path| {
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned())
            })
            .filter(|name| !name.starts_with(['.', '_']))
            .collect(),
    };
    if layers.is_none() {
        folders.sort_by_key(|name| (rank(name), name.clone()));
    }
    for path in entries(folder)? {
        if path.is_file() && is_sql(&path) {
            let path = path.display();
            tracing::warn!("'{path}' is not in a layer folder, and was not read");
        }
    }
    let mut files = Vec::new();
    for layer in folders {
        let mut paths = Vec::new();
        sql_files(&folder.join(&layer), &mut paths)?;
        paths.sort();
        for path in paths {
            let inside = path.strip_prefix(folder).unwrap_or(&path);
            let text = std::fs::read_to_string(&path);
            files.push(SourceFile {
                path: inside.to_string_lossy().replace('\\', "/"),
                layer: layer_of(&layer).to_owned(),
                text: text.map_err(|source| ProjectError::Read { path, source })?,
            });
        }
    }
    Ok(files)
}

/// Numeric prefixes come first and decide; then the usual layers; then others by name.
fn rank(folder: &str) -> (usize, usize) {
    let layer = layer_of(folder);
    let digits: String = folder.chars().take_while(char::is_ascii_digit).collect();
    let number = match layer == folder {
        true => usize::MAX,
        false => digits.parse().unwrap_or(usize::MAX),
    };
    let usual = LAYERS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(layer));
    (number, usual.unwrap_or(LAYERS.len()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ProjectError> {
    let failed = |source| ProjectError::Read {
        path: folder.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}

fn sql_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
    for path in entries(folder)? {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        if hidden {
            continue;
        }
        if path.is_dir() {
            sql_files(&path, found)?;
        } else if is_sql(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_sql(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}
