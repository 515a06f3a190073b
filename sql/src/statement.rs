//! Statements, as parsed: names still as written, queries as sqlparser's AST.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::DataType;
use sqlparser::ast::{ObjectName, Query};

use mica_catalog::SchemaMode;

/// A statement of any dialect.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `SELECT`, `WITH`, `VALUES`, `TABLE`.
    Query(Box<Query>),
    /// `EXPLAIN [ANALYZE] ..` of a query.
    Explain(Explain),
    /// `CREATE VIEW`, temporary or stored.
    CreateView(CreateView),
    /// `CREATE EXTERNAL TABLE`, `CREATE TABLE .. USING`, `CREATE TEMPORARY VIEW .. USING`.
    CreateTable(CreateTable),
    /// `CREATE SCHEMA` or `CREATE DATABASE`.
    CreateSchema(CreateSchema),
    /// `DROP ..`.
    Drop(Drop),
    /// `ALTER VIEW` or `ALTER TABLE`.
    Alter(Alter),
    /// `COMMENT ON .. IS ..`.
    Comment(Comment),
    /// `USE schema`.
    Use(Vec<String>),
    /// `SHOW ..`.
    Show(Show),
    /// `DESCRIBE [EXTENDED] relation`.
    Describe(Describe),
    /// `SET key = value`; `SET key` and a bare `SET` show.
    Set(SetStatement),
    /// `RESET key`; all without a key.
    Reset(Option<String>),
    /// `REFRESH TABLE t`.
    Refresh(ObjectName),
    /// `UNDROP {VIEW|TABLE} name`.
    Undrop(ObjectName),
    /// `RESTORE {VIEW|TABLE} name TO VERSION n`.
    Restore(ObjectName, u64),
    /// `KILL 'id'`.
    Kill(String),
    /// `CACHE TABLE t` and the like, which need nothing done.
    Upkeep(Upkeep),
}

/// A statement that other engines have to be told, and Mica does not.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// Its first words.
    pub what: &'static str,
    /// The relation that it names.
    pub relation: Option<ObjectName>,
    /// `IF EXISTS`.
    pub if_exists: bool,
}

/// `EXPLAIN`.
#[derive(Clone, Debug)]
pub struct Explain {
    /// Run it, and show what it took.
    pub analyze: bool,
    /// Every optimiser step (`VERBOSE`; Spark's `EXTENDED`).
    pub verbose: bool,
    /// `FORMAT tree`, `indent`, ..
    pub format: Option<String>,
    /// What is explained.
    pub query: Box<Query>,
}

/// `CREATE [OR REPLACE] [TEMPORARY] VIEW [IF NOT EXISTS] name (columns) .. AS query`.
#[derive(Clone, Debug)]
pub struct CreateView {
    /// Where.
    pub name: ObjectName,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `TEMPORARY`: lives with the session.
    pub temporary: bool,
    /// Names and comments of the columns; empty to take the query's.
    pub columns: Vec<ViewColumn>,
    /// `COMMENT '..'`.
    pub comment: Option<String>,
    /// `TBLPROPERTIES`.
    pub properties: BTreeMap<String, String>,
    /// `WITH SCHEMA ..`.
    pub schema_mode: Option<SchemaMode>,
    /// The query as written.
    pub text: String,
    /// The query.
    pub query: Box<Query>,
}

/// A column in the head of `CREATE VIEW`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewColumn {
    /// As written.
    pub name: String,
    /// `COMMENT '..'`.
    pub comment: Option<String>,
}

/// A table over files.
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// Where.
    pub name: ObjectName,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `TEMPORARY`: lives with the session, stored when a project makes it.
    pub temporary: bool,
    /// Declared columns; empty to infer.
    pub columns: Vec<TableColumn>,
    /// Names of the partition columns; those with a type stand in `columns` as well.
    pub partition_columns: Vec<String>,
    /// `CSV`, `JSON`, `PARQUET` or `TEXTFILE`.
    pub format: String,
    /// A path or URL as written.
    pub location: Option<String>,
    /// Options of the format, keys in lower case.
    pub options: BTreeMap<String, String>,
    /// `COMMENT '..'`.
    pub comment: Option<String>,
    /// `TBLPROPERTIES`.
    pub properties: BTreeMap<String, String>,
    /// The statement as written.
    pub text: String,
}

/// A declared column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableColumn {
    /// As written.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// `NOT NULL`.
    pub required: bool,
    /// `COMMENT '..'`.
    pub comment: Option<String>,
}

/// `CREATE SCHEMA`.
#[derive(Clone, Debug)]
pub struct CreateSchema {
    /// Its name, with or without the catalog.
    pub name: Vec<String>,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `COMMENT '..'`.
    pub comment: Option<String>,
    /// `WITH DBPROPERTIES`.
    pub properties: BTreeMap<String, String>,
}

/// What `DROP` drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropKind {
    /// A view.
    View,
    /// A table; Spark drops a temporary view that way, too.
    Table,
    /// A schema.
    Schema,
}

/// What happens to the readers of what is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropBehavior {
    /// Refuse while there are readers.
    Restrict,
    /// Drop them, too.
    Cascade,
}

/// `DROP`.
#[derive(Clone, Debug)]
pub struct Drop {
    /// Of what.
    pub kind: DropKind,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// Which.
    pub names: Vec<ObjectName>,
    /// `RESTRICT` or `CASCADE`, if written.
    pub behavior: Option<DropBehavior>,
}

/// `ALTER VIEW` or `ALTER TABLE`.
#[derive(Clone, Debug)]
pub struct Alter {
    /// Whether `VIEW` was written.
    pub view: bool,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// Which relation.
    pub name: ObjectName,
    /// What changes.
    pub action: AlterAction,
}

/// What an `ALTER` changes.
#[derive(Clone, Debug)]
pub enum AlterAction {
    /// `AS query`.
    As {
        /// The query as written.
        text: String,
        /// The query.
        query: Box<Query>,
    },
    /// `RENAME TO name`.
    Rename(ObjectName),
    /// `SET TBLPROPERTIES (..)`.
    SetProperties(BTreeMap<String, String>),
    /// `UNSET TBLPROPERTIES [IF EXISTS] (..)`.
    UnsetProperties {
        /// `IF EXISTS`.
        if_exists: bool,
        /// The keys.
        keys: Vec<String>,
    },
    /// `OWNER TO name`, `SET OWNER TO name`.
    Owner(String),
    /// `WITH SCHEMA mode`.
    SchemaMode(SchemaMode),
    /// `ADD [CONSTRAINT name] PRIMARY KEY|FOREIGN KEY .. NOT ENFORCED`.
    AddConstraint(AddConstraint),
    /// `DROP CONSTRAINT [IF EXISTS] name`, `DROP PRIMARY KEY`.
    DropConstraint {
        /// `IF EXISTS`.
        if_exists: bool,
        /// The name; none for the primary key.
        name: Option<String>,
    },
}

/// A key that is declared.
#[derive(Clone, Debug)]
pub struct AddConstraint {
    /// `CONSTRAINT name`.
    pub name: Option<String>,
    /// The columns of the key, as written.
    pub columns: Vec<String>,
    /// Its kind.
    pub key: NewKey,
}

/// The kind of a key that is declared.
#[derive(Clone, Debug)]
pub enum NewKey {
    /// `PRIMARY KEY`.
    Primary,
    /// `FOREIGN KEY .. REFERENCES relation [(columns)]`.
    Foreign {
        /// The other relation.
        relation: ObjectName,
        /// Its columns; empty for its primary key's.
        columns: Vec<String>,
    },
}

/// What a `COMMENT` is on.
#[derive(Clone, Debug)]
pub enum CommentTarget {
    /// A view or table; whether the word was written, and which.
    Relation(ObjectName),
    /// A column: relation, then column.
    Column(ObjectName, String),
    /// A schema.
    Schema(Vec<String>),
}

/// `COMMENT ON`.
#[derive(Clone, Debug)]
pub struct Comment {
    /// On what.
    pub target: CommentTarget,
    /// The comment; none for `IS NULL`.
    pub comment: Option<String>,
}

/// `SHOW`.
#[derive(Clone, Debug)]
pub enum Show {
    /// `SHOW CATALOGS`.
    Catalogs,
    /// `SHOW SCHEMAS|DATABASES [LIKE p]`.
    Schemas(Option<String>),
    /// `SHOW TABLES|VIEWS [IN schema] [LIKE p]`.
    Relations {
        /// Views alone.
        views: bool,
        /// `IN schema`.
        schema: Option<Vec<String>>,
        /// `LIKE p`.
        pattern: Option<String>,
    },
    /// `SHOW COLUMNS {IN|FROM} relation [LIKE p]`.
    Columns {
        /// The relation.
        relation: ObjectName,
        /// `LIKE p`.
        pattern: Option<String>,
    },
    /// `SHOW CREATE TABLE|VIEW relation`.
    Create(ObjectName),
    /// `SHOW TBLPROPERTIES relation [('key')]`.
    Properties(ObjectName, Option<String>),
    /// `SHOW FUNCTIONS [LIKE p]`.
    Functions(Option<String>),
    /// `SHOW HISTORY [OF] relation`.
    History(ObjectName),
    /// `SHOW QUERIES`.
    Queries,
    /// `SHOW ALL` or `SHOW key`.
    Setting(Option<String>),
}

/// `DESCRIBE`.
#[derive(Clone, Debug)]
pub enum Describe {
    /// A relation.
    Relation {
        /// Which.
        name: ObjectName,
        /// With everything that is known.
        extended: bool,
    },
    /// A query's columns.
    Query(Box<Query>),
    /// A schema.
    Schema(Vec<String>),
}

/// `SET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetStatement {
    /// `SET key = value`.
    Value(String, String),
    /// `SET key`.
    Show(String),
    /// `SET`.
    All,
}
