//! Projects: folders of layers of `.sql` files, applied as one commit.
//!
//! ```text
//! files -> those that changed, parsed -> ordered by what each statement reads and creates
//!       -> one Draft -> validation queries on its snapshot -> one commit
//! ```
//!
//! Applying is declarative: what the project creates replaces what it created before, what did not
//! change makes no new version, what its files no longer create is reported.

mod apply;
mod order;
mod read;

use std::collections::BTreeMap;

use async_trait::async_trait;

pub use apply::{ApplyOptions, Report, Validator, apply};

use crate::planner::Planned;
use crate::{Dialect, Position};

/// A project, read from its folder.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its name: that of the folder, or `mica.toml`'s.
    pub name: String,
    /// What its relative locations are relative to, absolute.
    pub folder: String,
    /// The dialect of its files.
    pub dialect: Dialect,
    /// The schema that its unqualified names resolve to.
    pub schema: String,
    /// Values of `${name}` in its files.
    pub variables: BTreeMap<String, String>,
    /// Its files, in the order of layers and names.
    pub files: Vec<SourceFile>,
}

impl Project {
    /// The scope in which each of its files starts.
    fn scope(&self) -> crate::Result<crate::Scope> {
        let mut scope = crate::Scope::default();
        scope.set("dialect", self.dialect.as_str())?;
        scope.set("schema", &self.schema)?;
        Ok(scope)
    }
}

/// A file of a project.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path inside the project, with `/`.
    pub path: String,
    /// Name of the layer: the first folder without a numeric prefix.
    pub layer: String,
    /// What stands in it.
    pub text: String,
}

/// The usual layers, in the order in which data flows.
pub const LAYERS: [&str; 5] = ["sources", "dimensions", "intermediates", "facts", "views"];

/// `01_sources` is the layer `sources`.
pub fn layer_of(folder: &str) -> &str {
    let rest = folder.trim_start_matches(|ch: char| ch.is_ascii_digit());
    match rest.strip_prefix(['_', '-', '.', ' ']) {
        Some(layer) if rest.len() < folder.len() && !layer.is_empty() => layer,
        _ => folder,
    }
}

/// A query in a project's files, to be run on the uncommitted snapshot.
#[derive(Debug)]
pub struct Validation {
    /// The file that it stands in.
    pub file: String,
    /// Where.
    pub position: Position,
    /// Its text.
    pub text: String,
    /// Its plan.
    pub planned: Planned,
}

/// For the trait object in [`apply`].
#[async_trait]
impl Validator for () {
    async fn validate(
        &self,
        _validation: Validation,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}
