//! Stored relations as SQL that makes them again.

use datafusion::arrow::datatypes::Schema;
use mica_catalog::{
    COMMENT_KEY, Constraint, Definition, ExternalTable, Key, Relation, RelationName, SchemaEntry,
    SchemaMode, View,
};

use crate::{Dialect, types};

/// A string literal.
fn literal(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Ansi => format!("'{}'", text.replace('\'', "''")),
        Dialect::Spark => {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
            format!("'{escaped}'")
        }
    }
}

/// An identifier in quotes.
pub(crate) fn ident(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Ansi => format!("\"{}\"", name.replace('"', "\"\"")),
        Dialect::Spark => format!("`{}`", name.replace('`', "``")),
    }
}

fn qualified(name: &RelationName, dialect: Dialect) -> String {
    let schema = ident(name.schema.as_str(), dialect);
    format!("{schema}.{}", ident(name.relation.as_str(), dialect))
}

/// The statement that makes `relation` again, without a `;`: a view in the dialect of its text, a
/// table in `dialect`.
pub fn create_statement(relation: &Relation, dialect: Dialect) -> String {
    match &relation.body.definition {
        Definition::View(view) => create_view(relation, view),
        Definition::ExternalTable(table) => create_table(relation, table, dialect),
    }
}

/// The statements that declare the keys of `relation` again, without a `;`. Each foreign key is to
/// stand behind the relation, and the primary key, that it refers to.
pub fn constraint_statements(relation: &Relation, dialect: Dialect) -> Vec<String> {
    let kind = match relation.body.definition {
        Definition::View(_) => "VIEW",
        Definition::ExternalTable(_) => "TABLE",
    };
    let statement = |constraint: &Constraint| {
        format!(
            "ALTER {kind} {} ADD CONSTRAINT {}",
            qualified(&relation.name, dialect),
            constraint_clause(constraint, dialect)
        )
    };
    relation.body.constraints.iter().map(statement).collect()
}

/// What stands behind `CONSTRAINT`.
pub(crate) fn constraint_clause(constraint: &Constraint, dialect: Dialect) -> String {
    let names = |columns: &[String]| {
        let quoted = columns.iter().map(|name| ident(name, dialect));
        quoted.collect::<Vec<_>>().join(", ")
    };
    let columns = names(&constraint.columns);
    let key = match &constraint.key {
        Key::Primary => format!("PRIMARY KEY ({columns})"),
        Key::Foreign {
            relation,
            columns: referenced,
            ..
        } => format!(
            "FOREIGN KEY ({columns}) REFERENCES {} ({})",
            qualified(relation, dialect),
            names(referenced)
        ),
    };
    format!("{} {key} NOT ENFORCED", ident(&constraint.name, dialect))
}

/// The dialect that [`create_statement`] writes a view in.
pub fn dialect_of(relation: &Relation) -> Dialect {
    let view = relation.body.as_view();
    let dialect = view.and_then(|view| Dialect::parse(&view.dialect).ok());
    dialect.unwrap_or_default()
}

fn create_view(relation: &Relation, view: &View) -> String {
    let dialect = dialect_of(relation);
    let mut sql = format!("CREATE VIEW {}", qualified(&relation.name, dialect));
    let commented = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| {
        field.metadata().contains_key(COMMENT_KEY)
    };
    let fields = relation.body.columns.fields();
    if view.columns_named || fields.iter().any(commented) {
        let columns: Vec<String> = fields
            .iter()
            .map(|field| {
                let comment = field.metadata().get(COMMENT_KEY);
                let comment = comment.map(|text| format!(" COMMENT {}", literal(text, dialect)));
                format!(
                    "{}{}",
                    ident(field.name(), dialect),
                    comment.unwrap_or_default()
                )
            })
            .collect();
        sql += &format!(" (\n  {}\n)", columns.join(",\n  "));
    }
    sql += &tail(relation, dialect);
    if view.schema_mode != SchemaMode::default() {
        sql += &format!("\nWITH SCHEMA {}", view.schema_mode.as_str());
    }
    format!("{sql}\nAS {}", view.text)
}

fn create_table(relation: &Relation, table: &ExternalTable, dialect: Dialect) -> String {
    let mut sql = format!(
        "CREATE EXTERNAL TABLE {}",
        qualified(&relation.name, dialect)
    );
    sql += &format!(" (\n  {}\n)", columns(&relation.body.columns, dialect));
    sql += &format!("\nSTORED AS {}", table.format);
    if !table.partition_columns.is_empty() {
        let names: Vec<String> = table
            .partition_columns
            .iter()
            .map(|name| ident(name, dialect))
            .collect();
        sql += &format!("\nPARTITIONED BY ({})", names.join(", "));
    }
    sql += &format!("\nLOCATION {}", literal(&table.location, dialect));
    if !table.options.is_empty() {
        let options: Vec<String> = table
            .options
            .iter()
            .map(|(key, value)| format!("{} {}", literal(key, dialect), literal(value, dialect)))
            .collect();
        sql += &format!("\nOPTIONS ({})", options.join(", "));
    }
    sql + &tail(relation, dialect)
}

fn columns(columns: &Schema, dialect: Dialect) -> String {
    let type_name = match dialect {
        Dialect::Ansi => types::sql_name,
        Dialect::Spark => types::spark_name,
    };
    let columns: Vec<String> = columns
        .fields()
        .iter()
        .map(|field| {
            let comment = field.metadata().get(COMMENT_KEY);
            let comment = comment.map(|text| format!(" COMMENT {}", literal(text, dialect)));
            format!(
                "{} {}{}",
                ident(field.name(), dialect),
                type_name(field.data_type()),
                comment.unwrap_or_default()
            )
        })
        .collect();
    columns.join(",\n  ")
}

/// Comment and properties.
fn tail(relation: &Relation, dialect: Dialect) -> String {
    let mut sql = String::new();
    if let Some(comment) = &relation.body.comment {
        sql += &format!("\nCOMMENT {}", literal(comment, dialect));
    }
    if !relation.body.properties.is_empty() {
        let properties: Vec<String> = relation
            .body
            .properties
            .iter()
            .map(|(key, value)| format!("{} = {}", literal(key, dialect), literal(value, dialect)))
            .collect();
        sql += &format!("\nTBLPROPERTIES ({})", properties.join(", "));
    }
    sql
}

/// The statement that makes `schema` again, in the ansi dialect, without a `;`.
pub fn create_schema(schema: &SchemaEntry) -> String {
    let name = ident(schema.name.as_str(), Dialect::Ansi);
    let mut sql = format!("CREATE SCHEMA IF NOT EXISTS {name}");
    if let Some(comment) = &schema.comment {
        sql += &format!(" COMMENT {}", literal(comment, Dialect::Ansi));
    }
    sql
}

/// The statements that put a session into the scope of a view's text, each without a `;`.
pub fn scope_statements(view: &View) -> Vec<String> {
    let dialect = Dialect::parse(&view.dialect).unwrap_or_default();
    let mut statements = vec![
        format!("SET dialect = '{}'", view.dialect),
        format!("USE {}", ident(&view.default_schema, dialect)),
    ];
    let settings = view.settings.iter();
    statements.extend(settings.map(|(key, value)| format!("SET {key} = '{value}'")));
    statements
}
