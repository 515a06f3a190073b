//! The definition of a relation: everything but its name.

use std::collections::BTreeMap;

use arrow_schema::SchemaRef;

use crate::{Constraint, RelationKind, RelationName};

/// Key of a column's comment in the metadata of its Arrow field.
pub const COMMENT_KEY: &str = "comment";

/// All that is stored of a relation besides its name and id.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationBody {
    /// Output columns: spelled as written, with comments under [`COMMENT_KEY`]. Partition columns
    /// of a table come last.
    pub columns: SchemaRef,
    /// What `COMMENT` said.
    pub comment: Option<String>,
    /// Who made it.
    pub owner: String,
    /// `TBLPROPERTIES`.
    pub properties: BTreeMap<String, String>,
    /// When the entry was first made, in ms since 1970.
    pub created_at_ms: i64,
    /// The project file that it came from; none for one made by hand.
    pub source: Option<Source>,
    /// Declared keys.
    pub constraints: Vec<Constraint>,
    /// Why it cannot be planned, where a change beneath it broke it.
    pub broken: Option<String>,
    /// View or table.
    pub definition: Definition,
}

impl RelationBody {
    /// View or table.
    pub fn kind(&self) -> RelationKind {
        match self.definition {
            Definition::View(_) => RelationKind::View,
            Definition::ExternalTable(_) => RelationKind::ExternalTable,
        }
    }

    /// The view's definition, if it is one.
    pub fn as_view(&self) -> Option<&View> {
        match &self.definition {
            Definition::View(view) => Some(view),
            Definition::ExternalTable(_) => None,
        }
    }

    /// Names that the definition reads; nothing for a table.
    pub fn dependencies(&self) -> &[Dependency] {
        self.as_view().map_or(&[], |view| &view.dependencies)
    }
}

/// Where in a project a relation was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Name of the project.
    pub project: String,
    /// Folder of the layer, without a numeric prefix (`sources`, `facts`, ..).
    pub layer: String,
    /// Path of the file inside the project, with `/`.
    pub file: String,
}

/// View or table.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// A stored query.
    View(View),
    /// Files that Mica only reads.
    ExternalTable(ExternalTable),
}

/// A stored query, with what is needed to plan it the same way again.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The query, exactly as written.
    pub text: String,
    /// Name of the dialect that it was written in.
    pub dialect: String,
    /// The schema that its unqualified names resolve to.
    pub default_schema: String,
    /// Settings that change what the text means, as they were at creation.
    pub settings: BTreeMap<String, String>,
    /// What it reads, in the order of appearance.
    pub dependencies: Vec<Dependency>,
    /// How it follows changes of the columns beneath it.
    pub schema_mode: SchemaMode,
    /// Whether the head of the statement names the columns, so that they match by position.
    pub columns_named: bool,
}

/// A relation that a view reads. Views resolve by name; the id tells a rename from a new object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name, resolved to a schema.
    pub name: RelationName,
    /// Identity of the relation when the view was planned; none if it was missing then.
    pub id: Option<crate::EntryId>,
}

/// Spark 4's `WITH SCHEMA` modes: what a view does when the columns beneath it change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaMode {
    /// The stored columns are a contract; any other type is an error.
    Binding,
    /// The stored columns are a contract; lossless casts are inserted.
    #[default]
    Compensation,
    /// Types follow the columns beneath; names and count are the contract.
    TypeEvolution,
    /// Columns and types follow the query.
    Evolution,
}

impl SchemaMode {
    /// As written in SQL and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binding => "BINDING",
            Self::Compensation => "COMPENSATION",
            Self::TypeEvolution => "TYPE EVOLUTION",
            Self::Evolution => "EVOLUTION",
        }
    }

    /// The mode of that name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Binding,
            Self::Compensation,
            Self::TypeEvolution,
            Self::Evolution,
        ]
        .into_iter()
        .find(|mode| mode.as_str().eq_ignore_ascii_case(name))
    }
}

/// Files that Mica reads and never writes.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalTable {
    /// Absolute location: a file, a folder (ends in `/`) or a glob, as a URL.
    pub location: String,
    /// `CSV`, `JSON` or `PARQUET`.
    pub format: String,
    /// Options of the format, keys in lower case without a `format.` prefix.
    pub options: BTreeMap<String, String>,
    /// Names of the columns whose values stand in `key=value` folder names.
    pub partition_columns: Vec<String>,
    /// The statement that made it, as written.
    pub statement: Option<String>,
}
