//! The test files of DataFusion's crate, taken from the registry.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crate that holds the files, of the version of DataFusion that Mica is built on.
const CRATE: &str = "datafusion-sqllogictest";
const VERSION: &str = "55.2.0";

/// The files, and where they lie.
#[derive(Debug)]
pub(crate) struct Suite {
    /// The crate's folder, which its locations are relative to.
    pub(crate) root: PathBuf,
    /// Paths below `test_files/`, sorted.
    pub(crate) files: Vec<String>,
}

impl Suite {
    /// Downloads the crate, unless cargo has it.
    ///
    /// # Panics
    /// If cargo cannot.
    pub(crate) fn fetch() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\n{CRATE} = \"={VERSION}\"\n[workspace]\n"
        );
        std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(folder.path().join("src/lib.rs"), "").unwrap();
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cannot fetch {CRATE}: {error}");
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|package| package["name"] == CRATE);
        let manifest = Path::new(package.unwrap()["manifest_path"].as_str().unwrap());
        let root = manifest.parent().unwrap().to_owned();
        let mut files = Vec::new();
        collect(&root.join("test_files"), "", &mut files);
        files.sort();
        assert!(!files.is_empty(), "{CRATE} holds no test files");
        Self { root, files }
    }

    /// Where a file lies.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join("test_files").join(file)
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else if name.ends_with(".slt") {
            files.push(name);
        }
    }
}
