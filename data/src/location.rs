//! Locations: paths and URLs as written, resolved to what is stored.
//!
//! `..`, percent-encoding and symbolic links are resolved before anything is compared with the
//! roots, so that the comparison is of real folders.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

use crate::{Error, Result};

/// Folders below which files may be read, resolved.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    folders: Vec<PathBuf>,
}

impl Roots {
    /// The roots with these folders; each must exist.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(folders: &[PathBuf]) -> Result<Self> {
        let resolve = |folder: &PathBuf| {
            folder.canonicalize().map_err(|source| Error::Io {
                action: "resolve the data root",
                path: folder.display().to_string(),
                source,
            })
        };
        let folders = folders.iter().map(resolve).collect::<Result<_>>()?;
        Ok(Self { folders })
    }

    /// The folder that relative locations of clients are relative to.
    pub fn first(&self) -> Option<&Path> {
        self.folders.first().map(PathBuf::as_path)
    }

    /// Whether a resolved path lies in one of the roots.
    pub fn contain(&self, resolved: &Path) -> bool {
        self.folders.iter().any(|root| resolved.starts_with(root))
    }
}

/// What a location points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file.
    File,
    /// All files below a folder.
    Folder,
    /// Files whose path matches a pattern.
    Glob,
}

/// A resolved location on the local disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file; or the folder; or the deepest folder without a wildcard. Links are resolved.
    pub base: PathBuf,
    /// What it points at.
    pub kind: Kind,
    /// The pattern below `base`, for a glob.
    pub pattern: Option<String>,
}

/// Characters that make a path a pattern.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

impl Location {
    /// Resolves a location as written. Relative ones are relative to `folder`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Scheme`], [`Error::BadLocation`].
    pub fn resolve(written: &str, folder: &Path) -> Result<Self> {
        let path = to_path(written, folder)?;
        // A file may have a wildcard in its name.
        if let Ok(base) = path.canonicalize() {
            let kind = if base.is_dir() {
                Kind::Folder
            } else {
                Kind::File
            };
            return Ok(Self {
                base,
                kind,
                pattern: None,
            });
        }
        let mut base = PathBuf::new();
        let mut rest: Vec<String> = Vec::new();
        for component in path.components() {
            let text = component.as_os_str().to_string_lossy();
            if rest.is_empty() && !text.contains(WILDCARDS) {
                base.push(component);
            } else {
                rest.push(text.into_owned());
            }
        }
        let missing = || Error::Missing {
            location: path.display().to_string(),
        };
        if rest.is_empty() || rest.iter().any(|part| part == "..") {
            return Err(missing());
        }
        let base = base.canonicalize().map_err(|_| missing())?;
        Ok(Self {
            base,
            kind: Kind::Glob,
            pattern: Some(rest.join("/")),
        })
    }

    /// Resolves what [`Location::to_url`] gave. Links were resolved then: one that stands on the way
    /// now was put there since, and may lead below a root only.
    ///
    /// # Errors
    /// As [`Location::resolve`]; [`Error::OutsideRoots`].
    pub fn stored(url: &str, roots: &Roots) -> Result<Self> {
        let written = to_path(url, Path::new("/"))?;
        let location = Self::resolve(url, Path::new("/"))?;
        if written.starts_with(&location.base) || roots.contain(&location.base) {
            return Ok(location);
        }
        Err(Error::OutsideRoots {
            path: written.display().to_string(),
        })
    }

    /// The URL that is stored: absolute, links resolved, `/` at the end of a folder.
    pub fn to_url(&self) -> String {
        let base = encode(&self.base);
        match (&self.kind, &self.pattern) {
            (Kind::Folder, _) => format!("file://{}/", base.trim_end_matches('/')),
            (_, Some(pattern)) => format!("file://{}/{pattern}", base.trim_end_matches('/')),
            _ => format!("file://{base}"),
        }
    }

    /// The folder that every file of the location lies in.
    pub fn folder(&self) -> &Path {
        match self.kind {
            Kind::File => self.base.parent().unwrap_or(&self.base),
            _ => &self.base,
        }
    }
}

/// The absolute path that a written location means, `.` and `..` removed.
fn to_path(written: &str, folder: &Path) -> Result<PathBuf> {
    let bad = |reason: &str| Error::BadLocation {
        location: written.to_owned(),
        reason: reason.to_owned(),
    };
    if written.trim().is_empty() {
        return Err(bad("it is empty"));
    }
    if written.contains('\0') {
        return Err(bad("it contains a NUL"));
    }
    let path = match written.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) && rest.starts_with('/') => {
            if !scheme.eq_ignore_ascii_case("file") {
                return Err(Error::Scheme {
                    scheme: scheme.to_owned(),
                });
            }
            let rest = rest
                .strip_prefix("//")
                .map_or(rest, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
            if !rest.starts_with('/') {
                return Err(bad("a file URL has no host: write file:///path"));
            }
            let decoded = percent_decode_str(rest).decode_utf8();
            PathBuf::from(
                decoded
                    .map_err(|_| bad("its encoding is not UTF-8"))?
                    .as_ref(),
            )
        }
        _ => folder.join(written),
    };
    if path.to_string_lossy().contains('\0') {
        return Err(bad("it contains a NUL"));
    }
    Ok(normalize(&path))
}

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text
            .chars()
            .all(|ch| ch.is_ascii_alphanumeric() || ch == '+')
}

/// `path` without `.`; `..` is left where it follows a link or a pattern, for the resolution.
fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // What `..` means behind a link is known only to the file system.
            Component::ParentDir if is_plain_folder(&out) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn is_plain_folder(path: &Path) -> bool {
    let metadata = path.symlink_metadata();
    metadata.is_ok_and(|metadata| metadata.is_dir())
}

/// A path as it stands in a URL.
fn encode(path: &Path) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const SET: &AsciiSet = &CONTROLS
        .add(b'%')
        .add(b'#')
        .add(b'?')
        .add(b'*')
        .add(b'[')
        .add(b'{');
    utf8_percent_encode(&path.to_string_lossy(), SET).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("in/a b")).unwrap();
        std::fs::write(folder.path().join("in/a b/x.csv"), "a\n1\n").unwrap();
        std::fs::write(folder.path().join("secret.csv"), "a\n1\n").unwrap();
        folder
    }

    #[test]
    fn every_spelling_of_a_path_is_resolved_to_one() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        let expected = root.join("in/a b/x.csv");
        let absolute = format!("file://{}/in/a%20b/x.csv", root.display());
        for written in ["in/a b/x.csv", "./in/../in/a b/x.csv", absolute.as_str()] {
            let location = Location::resolve(written, &root).unwrap();
            assert_eq!(location.base, expected, "{written}");
            assert_eq!(
                Location::stored(&location.to_url(), &Roots::default()).unwrap(),
                location
            );
        }
    }

    #[test]
    fn a_root_holds_no_path_that_leaves_it() {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap().join("in");
        std::os::unix::fs::symlink(&root, folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.csv"), root.join("out.csv")).unwrap();
        let roots = Roots::new(std::slice::from_ref(&root)).unwrap();
        let outside = [
            "../secret.csv".to_owned(),
            "out.csv".to_owned(),
            "a b/../../secret.csv".to_owned(),
            format!("file://{}/%2e%2e/secret.csv", root.display()),
            "../*.csv".to_owned(),
        ];
        for written in outside {
            let location = Location::resolve(&written, &root).unwrap();
            assert!(!roots.contain(&location.base), "{written}");
        }
        let through_link = folder.path().join("link/a b/x.csv");
        let location = Location::resolve(&through_link.to_string_lossy(), &root).unwrap();
        assert!(roots.contain(&location.base));
    }

    #[test]
    fn a_sibling_with_the_same_beginning_is_not_inside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        std::fs::create_dir_all(&root).unwrap();
        let roots = Roots::new(std::slice::from_ref(&root)).unwrap();
        let sibling = root.canonicalize().unwrap().with_file_name("data2");
        assert!(!roots.contain(&sibling));
    }

    #[test]
    fn a_pattern_keeps_its_folder_and_its_wildcards_apart() {
        let folder = folder();
        let location = Location::resolve("in/*/x*.csv", folder.path()).unwrap();
        assert_eq!(location.pattern.as_deref(), Some("*/x*.csv"));
        assert!(location.base.ends_with("in"));
    }

    #[test]
    fn another_scheme_is_named() {
        let error = Location::resolve("s3://bucket/x", Path::new("/")).unwrap_err();
        assert!(matches!(error, Error::Scheme { .. }), "{error}");
    }
}
