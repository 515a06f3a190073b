//! Metadata commands, answered from the catalog in the exact schemas of Flight SQL.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_flight::sql::{Command, CommandGetDbSchemas, CommandGetTables, CommandGetXdbcTypeInfo};
use datafusion::arrow::array::{ArrayRef, BinaryBuilder, RecordBatch, StringArray};
use datafusion::arrow::compute::like;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt;
use mica_catalog::{
    CATALOG, COMMENT_KEY, CatalogStore, INFORMATION_SCHEMA, RelationHead, Snapshot, fold, load,
};
use mica_sql::information_schema;

use super::fetch::{DataStream, encode};
use super::info::{column_metadata, schema_bytes};
use super::{FlightSql, keys, sql_info, xdbc};
use crate::error::{Error, Result};
use crate::session::Session;

/// Relations whose columns are read at once.
const PAGE: usize = 500;

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn number(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

/// The schema of the answer to a metadata command; none for other commands.
pub(super) fn schema_of(command: &Command) -> Option<SchemaRef> {
    let fields = match command {
        Command::CommandGetCatalogs(_) => vec![text("catalog_name", false)],
        Command::CommandGetDbSchemas(_) => {
            vec![text("catalog_name", true), text("db_schema_name", false)]
        }
        Command::CommandGetTables(command) => {
            let mut fields = vec![
                text("catalog_name", true),
                text("db_schema_name", true),
                text("table_name", false),
                text("table_type", false),
            ];
            if command.include_schema {
                fields.push(Field::new("table_schema", DataType::Binary, false));
            }
            fields
        }
        Command::CommandGetTableTypes(_) => vec![text("table_type", false)],
        Command::CommandGetPrimaryKeys(_) => primary_key_fields(),
        Command::CommandGetImportedKeys(_)
        | Command::CommandGetExportedKeys(_)
        | Command::CommandGetCrossReference(_) => foreign_key_fields(),
        Command::CommandGetSqlInfo(_) => return Some(sql_info::schema()),
        Command::CommandGetXdbcTypeInfo(_) => return Some(xdbc::schema()),
        _ => return None,
    };
    Some(Arc::new(Schema::new(fields)))
}

/// In the order of every implementation: `key_sequence` before `key_name`, unlike the comment in
/// FlightSql.proto.
fn primary_key_fields() -> Vec<Field> {
    vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        number("key_sequence", DataType::Int32),
        text("key_name", true),
    ]
}

fn foreign_key_fields() -> Vec<Field> {
    vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        number("key_sequence", DataType::Int32),
        text("fk_key_name", true),
        text("pk_key_name", true),
        number("update_rule", DataType::UInt8),
        number("delete_rule", DataType::UInt8),
    ]
}

impl FlightSql {
    /// The stream of a metadata command; none for other commands.
    pub(super) async fn metadata_stream(
        &self,
        session: &Session,
        command: Command,
    ) -> Result<Option<DataStream>> {
        let Some(schema) = schema_of(&command) else {
            return Ok(None);
        };
        let store = self.shared.warehouse.store();
        let snapshot = store.snapshot().await?;
        if let Some(batch) = keys::batch(&**store, &snapshot, &command, &schema).await? {
            return encode(schema, futures::stream::iter([Ok(batch)])).map(Some);
        }
        let batch = match command {
            Command::CommandGetTables(command) => {
                return self.tables(session, command, schema, snapshot).map(Some);
            }
            Command::CommandGetCatalogs(_) => texts(&schema, vec![vec![CATALOG.to_owned()]])?,
            Command::CommandGetTableTypes(_) => {
                let types = ["TABLE", "VIEW"].map(str::to_owned);
                texts(&schema, vec![types.into()])?
            }
            Command::CommandGetDbSchemas(command) => schemas(&schema, &command, &snapshot)?,
            Command::CommandGetSqlInfo(command) => sql_info::batch(&command.info)?,
            Command::CommandGetXdbcTypeInfo(CommandGetXdbcTypeInfo { data_type }) => {
                xdbc::batch(data_type)?
            }
            _ => RecordBatch::new_empty(Arc::clone(&schema)),
        };
        let batches = futures::stream::iter([Ok(batch)]);
        encode(schema, batches).map(Some)
    }

    fn tables(
        &self,
        session: &Session,
        command: CommandGetTables,
        schema: SchemaRef,
        snapshot: Snapshot,
    ) -> Result<DataStream> {
        let rows = Rows::of(session, &command, &snapshot)?;
        let store: Arc<dyn CatalogStore> = Arc::clone(self.shared.warehouse.store()) as _;
        let include = command.include_schema;
        let page_size = if include { PAGE } else { usize::MAX };
        let pages: Vec<Vec<Row>> = chunks(rows.rows, page_size);
        let columns = Arc::clone(&schema);
        let batches = futures::stream::iter(pages).then(move |page| {
            let (store, schema) = (Arc::clone(&store), Arc::clone(&columns));
            async move { table_page(&*store, schema, page, include).await }
        });
        encode(schema, batches)
    }
}

fn chunks<T>(rows: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut rows = rows.into_iter();
    let mut chunks = Vec::new();
    loop {
        let chunk: Vec<T> = rows.by_ref().take(size).collect();
        if chunk.is_empty() {
            return chunks;
        }
        chunks.push(chunk);
    }
}

/// A relation in the answer to GetTables.
struct Row {
    schema: String,
    name: String,
    table_type: &'static str,
    source: RowSource,
}

enum RowSource {
    Stored(Arc<RelationHead>),
    Known(SchemaRef),
}

struct Rows {
    rows: Vec<Row>,
}

impl Rows {
    /// The relations that a command asks for, ordered by schema and name.
    fn of(session: &Session, command: &CommandGetTables, snapshot: &Snapshot) -> Result<Self> {
        let mut rows = Vec::new();
        if !is_our_catalog(command.catalog.as_deref()) {
            return Ok(Self { rows });
        }
        for schema in schema_names(command.db_schema_filter_pattern.as_deref(), snapshot)? {
            for head in snapshot.relations_of(&fold(&schema)) {
                rows.push(Row {
                    schema: schema.clone(),
                    name: head.name.relation.to_string(),
                    table_type: head.kind.table_type(),
                    source: RowSource::Stored(Arc::clone(head)),
                });
            }
            if schema == INFORMATION_SCHEMA {
                rows.extend(information_schema_rows());
            }
        }
        let context = session.context();
        // Temporary views are in no schema: any pattern that fits nothing fits them.
        let pattern = command.db_schema_filter_pattern.as_deref().unwrap_or("");
        if pattern.chars().all(|ch| ch == '%') {
            rows.extend(context.temporary.iter().map(|relation| Row {
                schema: String::new(),
                name: relation.name.relation.to_string(),
                table_type: relation.kind().table_type(),
                source: RowSource::Known(Arc::clone(&relation.body.columns)),
            }));
        }
        let names = Pattern::new(command.table_name_filter_pattern.as_deref());
        names.retain(&mut rows, |row| &row.name)?;
        let types = &command.table_types;
        rows.retain(|row| wants_type(types, row.table_type));
        rows.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        Ok(Self { rows })
    }
}

fn information_schema_rows() -> impl Iterator<Item = Row> {
    information_schema::names().filter_map(|name| {
        Some(Row {
            schema: INFORMATION_SCHEMA.to_owned(),
            name: name.to_owned(),
            table_type: "VIEW",
            source: RowSource::Known(information_schema::columns(name)?),
        })
    })
}

/// The schemas whose names match, sorted.
fn schema_names(pattern: Option<&str>, snapshot: &Snapshot) -> Result<Vec<String>> {
    let stored = snapshot.schemas().map(|schema| schema.name.to_string());
    let mut names: Vec<String> = stored.chain([INFORMATION_SCHEMA.to_owned()]).collect();
    Pattern::new(pattern).retain(&mut names, |name| name)?;
    names.sort();
    Ok(names)
}

/// Absent means any catalog; an empty name means relations without one, of which there are none.
fn is_our_catalog(catalog: Option<&str>) -> bool {
    catalog.is_none_or(|catalog| catalog.eq_ignore_ascii_case(CATALOG))
}

/// Tools ask for `TABLE` or for `BASE TABLE`, in any case.
fn wants_type(wanted: &[String], table_type: &str) -> bool {
    wanted.is_empty()
        || wanted.iter().any(|wanted| {
            let wanted = wanted.to_ascii_uppercase();
            wanted == table_type || wanted == "BASE TABLE" && table_type == "TABLE"
        })
}

/// A LIKE pattern with `%`, `_` and `\` as the escape, without case.
pub(super) struct Pattern(Option<String>);

impl Pattern {
    pub(super) fn new(pattern: Option<&str>) -> Self {
        Self(pattern.map(str::to_lowercase))
    }

    /// Those of `items` whose name matches. The pattern is compiled once for all of them.
    pub(super) fn retain<T>(&self, items: &mut Vec<T>, name: impl Fn(&T) -> &str) -> Result<()> {
        let Some(pattern) = &self.0 else {
            return Ok(());
        };
        let names: StringArray = items
            .iter()
            .map(|item| Some(name(item).to_lowercase()))
            .collect();
        let pattern = StringArray::new_scalar(pattern);
        let matches = like(&names, &pattern).map_err(|error| Error::Request {
            message: format!("the pattern cannot be read: {error}"),
        })?;
        let mut matches = matches.iter();
        items.retain(|_| matches.next().flatten().unwrap_or(false));
        Ok(())
    }
}

async fn table_page(
    store: &dyn CatalogStore,
    schema: SchemaRef,
    page: Vec<Row>,
    include_schema: bool,
) -> Result<RecordBatch> {
    let column = |of: fn(&Row) -> Option<&str>| -> ArrayRef {
        Arc::new(page.iter().map(of).collect::<StringArray>())
    };
    let mut columns = vec![
        column(|_| Some(CATALOG)),
        column(|row| Some(&row.schema)),
        column(|row| Some(&row.name)),
        column(|row| Some(row.table_type)),
    ];
    if include_schema {
        let heads: Vec<Arc<RelationHead>> = page
            .iter()
            .filter_map(|row| match &row.source {
                RowSource::Stored(head) => Some(Arc::clone(head)),
                RowSource::Known(_) => None,
            })
            .collect();
        let mut loaded = load(store, &heads).await?.into_iter();
        let mut schemas = BinaryBuilder::new();
        for row in &page {
            let columns = match &row.source {
                RowSource::Known(columns) => Some(Arc::clone(columns)),
                RowSource::Stored(_) => loaded.next().map(|r| Arc::clone(&r.body.columns)),
            };
            let columns = columns.unwrap_or_else(|| Arc::new(Schema::empty()));
            schemas.append_value(schema_bytes(&described(&columns, row))?);
        }
        columns.push(Arc::new(schemas.finish()));
    }
    build(schema, columns)
}

/// A relation's columns with all that drivers read of each, comments as REMARKS. Results do not
/// carry REMARKS: JDBC drivers take them for labels there.
fn described(columns: &Schema, row: &Row) -> Schema {
    let fields = columns.fields().iter().map(|field| {
        let key = |name: &str| format!("ARROW:FLIGHT:SQL:{name}");
        let mut metadata: HashMap<String, String> = column_metadata(field).into_iter().collect();
        for (name, value) in [
            ("CATALOG_NAME", CATALOG),
            ("SCHEMA_NAME", &row.schema),
            ("TABLE_NAME", &row.name),
            ("IS_AUTO_INCREMENT", "0"),
        ] {
            metadata.insert(key(name), value.to_owned());
        }
        if let Some(comment) = field.metadata().get(COMMENT_KEY) {
            metadata.insert(key("REMARKS"), comment.clone());
        }
        Field::new(field.name(), field.data_type().clone(), true).with_metadata(metadata)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn schemas(
    schema: &SchemaRef,
    command: &CommandGetDbSchemas,
    snapshot: &Snapshot,
) -> Result<RecordBatch> {
    let names = match is_our_catalog(command.catalog.as_deref()) {
        true => schema_names(command.db_schema_filter_pattern.as_deref(), snapshot)?,
        false => Vec::new(),
    };
    let catalogs = vec![CATALOG.to_owned(); names.len()];
    texts(schema, vec![catalogs, names])
}

/// A batch of text columns.
fn texts(schema: &SchemaRef, columns: Vec<Vec<String>>) -> Result<RecordBatch> {
    let array = |column: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(column)) };
    build(Arc::clone(schema), columns.into_iter().map(array).collect())
}

fn build(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns).map_err(|error| Error::Internal {
        query_id: "-".to_owned(),
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_know_wildcards_and_their_escape() {
        for (pattern, name, expected) in [
            ("src\\_%", "src_customers", true),
            ("src\\_%", "srcxcustomers", false),
            ("SRC_cust%", "src_customers", true),
            ("%", "anything", true),
            ("", "anything", false),
        ] {
            let mut names = vec![name];
            Pattern::new(Some(pattern))
                .retain(&mut names, |name| name)
                .unwrap();
            assert_eq!(!names.is_empty(), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn both_spellings_of_table_mean_tables() {
        let wants = |types: &[&str], kind| {
            wants_type(
                &types.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>(),
                kind,
            )
        };
        assert!(wants(&["BASE TABLE", "table"], "TABLE"));
        assert!(wants(&["view"], "VIEW"));
        assert!(!wants(&["TABLE"], "VIEW"));
        assert!(wants(&[], "VIEW"));
    }
}
