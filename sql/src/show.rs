//! `SHOW` and `DESCRIBE`: rows from the catalog and the session.
//!
//! In the spark dialect they have Spark's columns, in ansi those that BI tools look for.

use datafusion::arrow::datatypes::{DataType, Schema};
use mica_catalog::{
    CATALOG, COMMENT_KEY, Definition, INFORMATION_SCHEMA, Relation, RelationKind, fold,
};
use sqlparser::ast::ObjectName;

use crate::graph::Loader;
use crate::planner::{Against, Planned, Planner};
use crate::registry::function_names;
use crate::render::create_statement;
use crate::statement::{Describe, Show};
use crate::{Dialect, Result, SETTINGS, information_schema, references, rows, types};

/// A table of text.
struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Option<String>>>,
}

impl Table {
    fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(Some).collect());
    }

    fn planned(self) -> Result<Planned> {
        let columns: Vec<(&str, DataType)> = self
            .columns
            .iter()
            .map(|name| (*name, DataType::Utf8))
            .collect();
        rows(&columns, &self.rows)
    }
}

/// Whether `name` is like `pattern`, without case. `*` and `%` stand for anything; `_` for one
/// character, `|` between alternatives is Spark's.
fn is_like(pattern: Option<&str>, name: &str, dialect: Dialect) -> bool {
    let Some(pattern) = pattern else {
        return true;
    };
    let name: Vec<char> = fold(name).chars().collect();
    let one = dialect == Dialect::Ansi;
    let pattern = fold(pattern);
    let alternatives = match dialect {
        Dialect::Spark => pattern.split('|').collect(),
        Dialect::Ansi => vec![pattern.as_str()],
    };
    alternatives.iter().any(|pattern| {
        let pattern: Vec<char> = pattern.trim().chars().collect();
        matches(&pattern, &name, one)
    })
}

fn matches(pattern: &[char], name: &[char], one: bool) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*' | '%') => {
                retry = Some((p, n));
                p += 1;
            }
            Some('_') if one => (p, n) = (p + 1, n + 1),
            Some(ch) if *ch == name[n] => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((star, at)) => {
                    retry = Some((star, at + 1));
                    (p, n) = (star + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|ch| matches!(ch, '*' | '%'))
}

impl Planner {
    /// The rows of a `SHOW` statement; `SHOW QUERIES` is the server's.
    pub(crate) async fn show(&self, show: &Show, against: Against<'_>) -> Result<Planned> {
        match show {
            Show::Catalogs => {
                let mut table = Table::new(&["catalog_name"]);
                table.row([CATALOG.to_owned()]);
                table.planned()
            }
            Show::Schemas(pattern) => schemas(pattern.as_deref(), against).planned(),
            Show::Relations {
                views,
                schema,
                pattern,
            } => relations(*views, schema.as_deref(), pattern.as_deref(), against)?.planned(),
            Show::Columns { relation, pattern } => {
                let relation = self.relation(relation, against).await?;
                columns(&relation, pattern.as_deref(), against.scope.dialect).planned()
            }
            Show::Create(relation) => {
                let relation = self.relation(relation, against).await?;
                let mut table = Table::new(&["createtab_stmt"]);
                table.row([create_statement(&relation)]);
                table.planned()
            }
            Show::Properties(relation, key) => {
                let relation = self.relation(relation, against).await?;
                properties(&relation, key.as_deref()).planned()
            }
            Show::Functions(pattern) => {
                let dialect = against.scope.dialect;
                let mut table = Table::new(&["function"]);
                for name in function_names(dialect) {
                    if is_like(pattern.as_deref(), name, dialect) {
                        table.row([name.to_owned()]);
                    }
                }
                table.planned()
            }
            Show::History(relation) => self.history(relation, against).await,
            Show::Setting(key) => settings(key.as_deref(), against),
            Show::Queries => Table::new(&["query_id"]).planned(),
        }
    }

    /// The rows of a `DESCRIBE` statement.
    pub(crate) async fn describe(
        &self,
        describe: &Describe,
        text: &crate::StatementText,
        against: Against<'_>,
    ) -> Result<Planned> {
        let dialect = against.scope.dialect;
        match describe {
            Describe::Relation { name, extended } => {
                let relation = self.relation(name, against).await?;
                let mut table = described(&relation.body.columns, dialect);
                if *extended {
                    details(&mut table, &relation);
                }
                table.planned()
            }
            Describe::Query(query) => {
                let planned = self.query(query, text, against, None).await?;
                described(&planned.columns, dialect).planned()
            }
            Describe::Schema(parts) => {
                let name = references::resolve_schema(parts)?;
                let schema = against.snapshot.require_schema(name)?;
                let mut table = Table::new(&["info_name", "info_value"]);
                table.row(["Catalog Name".to_owned(), CATALOG.to_owned()]);
                table.row(["Namespace Name".to_owned(), schema.name.to_string()]);
                table.row([
                    "Comment".to_owned(),
                    schema.comment.clone().unwrap_or_default(),
                ]);
                table.row(["Owner".to_owned(), schema.owner.clone()]);
                table.planned()
            }
        }
    }

    /// A temporary, virtual or stored relation.
    pub(crate) async fn relation(
        &self,
        name: &ObjectName,
        against: Against<'_>,
    ) -> Result<Relation> {
        if let [part] = name.0.as_slice()
            && let Some(ident) = part.as_ident()
            && let Some(relation) = against.temporary.get(&ident.value)
        {
            return Ok(relation.clone());
        }
        let name = references::resolve_object(name, against.scope)?;
        let loader = Loader {
            store: &**self.store(),
            snapshot: against.snapshot,
            temporary: against.temporary,
        };
        let mut found = loader.sources(std::slice::from_ref(&name)).await?;
        match found.remove(&name) {
            Some(source) => Ok(source.relation.clone()),
            None => Err(references::missing(against.snapshot, &name, None)),
        }
    }

    async fn history(&self, relation: &ObjectName, against: Against<'_>) -> Result<Planned> {
        let name = references::resolve_object(relation, against.scope)?;
        let history = self.store().history(&name).await?;
        if history.is_empty() {
            return Err(references::missing(against.snapshot, &name, None));
        }
        let mut table = Table::new(&[
            "version",
            "until_version",
            "name",
            "kind",
            "committed_at",
            "author",
            "statement",
        ]);
        for row in history {
            table.rows.push(vec![
                Some(row.since.to_string()),
                row.until.map(|until| until.to_string()),
                Some(row.name.to_string()),
                Some(row.kind.to_string()),
                Some(timestamp(row.committed_at_ms)),
                Some(row.author),
                Some(row.summary),
            ]);
        }
        table.planned()
    }
}

/// `2024-05-15 14:30:00` in UTC.
fn timestamp(at_ms: i64) -> String {
    let at = datafusion::arrow::temporal_conversions::timestamp_ms_to_datetime(at_ms);
    at.map_or(String::new(), |at| {
        at.format("%Y-%m-%d %H:%M:%S").to_string()
    })
}

fn schemas(pattern: Option<&str>, against: Against<'_>) -> Table {
    let dialect = against.scope.dialect;
    let mut table = Table::new(match dialect {
        Dialect::Spark => &["namespace"],
        Dialect::Ansi => &["database_name"],
    });
    let stored = against
        .snapshot
        .schemas()
        .map(|schema| schema.name.as_str());
    let own = (dialect == Dialect::Ansi).then_some(INFORMATION_SCHEMA);
    for name in stored.chain(own) {
        if is_like(pattern, name, dialect) {
            table.row([name.to_owned()]);
        }
    }
    table
}

fn relations(
    views: bool,
    schema: Option<&[String]>,
    pattern: Option<&str>,
    against: Against<'_>,
) -> Result<Table> {
    let dialect = against.scope.dialect;
    let schema = match schema {
        Some(parts) => references::resolve_schema(parts)?,
        None => against.scope.schema.as_str(),
    };
    let mut table = Table::new(match (dialect, views) {
        (Dialect::Spark, false) => &["namespace", "tableName", "isTemporary"],
        (Dialect::Spark, true) => &["namespace", "viewName", "isTemporary"],
        (Dialect::Ansi, _) => &["schema_name", "table_name", "table_type"],
    });
    let mut add = |schema: &str, name: &str, kind: RelationKind, temporary: bool| {
        if !is_like(pattern, name, dialect) || views && kind != RelationKind::View {
            return;
        }
        let last = match dialect {
            Dialect::Spark => temporary.to_string(),
            Dialect::Ansi if temporary => format!("LOCAL TEMPORARY {}", kind.table_type()),
            Dialect::Ansi => kind.table_type().to_owned(),
        };
        table.row([schema.to_owned(), name.to_owned(), last]);
    };
    if fold(schema) == INFORMATION_SCHEMA {
        for name in information_schema::names() {
            add(INFORMATION_SCHEMA, name, RelationKind::View, false);
        }
    } else {
        let entry = against.snapshot.require_schema(schema)?;
        for head in against.snapshot.relations_of(entry.name.folded()) {
            add(
                entry.name.as_str(),
                head.name.relation.as_str(),
                head.kind,
                false,
            );
        }
    }
    for relation in against.temporary.iter() {
        add("", relation.name.relation.as_str(), relation.kind(), true);
    }
    Ok(table)
}

fn columns(relation: &Relation, pattern: Option<&str>, dialect: Dialect) -> Table {
    let mut table = Table::new(match dialect {
        Dialect::Spark => &["col_name"],
        Dialect::Ansi => &["column_name", "data_type", "is_nullable"],
    });
    for field in relation.body.columns.fields() {
        if !is_like(pattern, field.name(), dialect) {
            continue;
        }
        let name = field.name().clone();
        match dialect {
            Dialect::Spark => table.row([name]),
            Dialect::Ansi => {
                table.row([name, types::sql_name(field.data_type()), "YES".to_owned()]);
            }
        }
    }
    table
}

fn properties(relation: &Relation, key: Option<&str>) -> Table {
    let mut table = Table::new(&["key", "value"]);
    for (name, value) in &relation.body.properties {
        if key.is_none_or(|key| key.eq_ignore_ascii_case(name)) {
            table.row([name.clone(), value.clone()]);
        }
    }
    if let Some(key) = key.filter(|_| table.rows.is_empty()) {
        let name = &relation.name;
        let problem = format!("{name} has no property '{key}'");
        table.row([key.to_owned(), problem]);
    }
    table
}

fn settings(key: Option<&str>, against: Against<'_>) -> Result<Planned> {
    if let Some(key) = key {
        let mut table = Table::new(&["key", "value"]);
        table.row([key.to_owned(), against.scope.show(key)?.to_owned()]);
        return table.planned();
    }
    let mut table = Table::new(&["key", "value", "default", "description"]);
    for setting in SETTINGS {
        let value = against.scope.show(setting.name)?.to_owned();
        table.row([
            setting.name.to_owned(),
            value,
            setting.default.to_owned(),
            setting.description.to_owned(),
        ]);
    }
    for (key, value) in against.scope.settings.changed() {
        if SETTINGS.iter().all(|setting| setting.name != key) {
            let without = "a key of another engine, without effect".to_owned();
            table.row([key.to_owned(), value.to_owned(), String::new(), without]);
        }
    }
    table.planned()
}

fn described(columns: &Schema, dialect: Dialect) -> Table {
    let mut table = Table::new(match dialect {
        Dialect::Spark => &["col_name", "data_type", "comment"],
        Dialect::Ansi => &["column_name", "data_type", "comment"],
    });
    for field in columns.fields() {
        let name = match dialect {
            Dialect::Spark => types::spark_name(field.data_type()),
            Dialect::Ansi => types::sql_name(field.data_type()),
        };
        let comment = field.metadata().get(COMMENT_KEY).cloned();
        table
            .rows
            .push(vec![Some(field.name().clone()), Some(name), comment]);
    }
    table
}

/// What `EXTENDED` adds.
fn details(table: &mut Table, relation: &Relation) {
    let body = &relation.body;
    let mut add = |key: &str, value: String| table.row([key.to_owned(), value, String::new()]);
    add("", String::new());
    add("# Detailed Table Information", String::new());
    add("Catalog", CATALOG.to_owned());
    add("Database", relation.name.schema.to_string());
    add("Table", relation.name.relation.to_string());
    add("Owner", body.owner.clone());
    add("Created Time", timestamp(body.created_at_ms));
    add("Version", relation.since.to_string());
    match &body.definition {
        Definition::View(view) => {
            add("Type", "VIEW".to_owned());
            add("View Text", view.text.clone());
            add("View Dialect", view.dialect.clone());
            add("View Default Schema", view.default_schema.clone());
            add("Schema Mode", view.schema_mode.as_str().to_owned());
            let reads = view.dependencies.iter().map(|dep| dep.name.to_string());
            add("Reads", reads.collect::<Vec<_>>().join(", "));
        }
        Definition::ExternalTable(external) => {
            add("Type", "EXTERNAL".to_owned());
            add("Provider", external.format.to_lowercase());
            add("Location", external.location.clone());
            let options = external.options.iter().map(|(k, v)| format!("{k}={v}"));
            add("Options", options.collect::<Vec<_>>().join(", "));
            if !external.partition_columns.is_empty() {
                add("Partition Columns", external.partition_columns.join(", "));
            }
        }
    }
    if let Some(source) = &body.source {
        add("Project", source.project.clone());
        add("Layer", source.layer.clone());
        add("File", source.file.clone());
    }
    if let Some(comment) = &body.comment {
        add("Comment", comment.clone());
    }
    if !body.properties.is_empty() {
        let properties = body.properties.iter().map(|(k, v)| format!("{k}={v}"));
        add(
            "Table Properties",
            properties.collect::<Vec<_>>().join(", "),
        );
    }
    if let Some(broken) = &body.broken {
        add("Broken", broken.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_their_dialect_says() {
        for (pattern, name, dialect, expected) in [
            ("src_*", "SRC_customers", Dialect::Spark, true),
            ("src_%", "src_customers", Dialect::Ansi, true),
            ("a_c", "abc", Dialect::Ansi, true),
            ("a_c", "abc", Dialect::Spark, false),
            ("x|abc", "abc", Dialect::Spark, true),
            ("*b*d", "abcbd", Dialect::Spark, true),
            ("b", "abc", Dialect::Ansi, false),
        ] {
            assert_eq!(
                is_like(Some(pattern), name, dialect),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
