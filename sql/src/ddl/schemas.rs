//! Creating and dropping schemas.

use mica_catalog::{Change, EntryId, Error as CatalogError, Name, SchemaEntry};

use super::Executor;
use super::draft::Draft;
use super::dropping::quoted;
use crate::statement::{CreateSchema, Drop, DropBehavior};
use crate::{Error, Result, references};

pub(crate) fn create(draft: &mut Draft, schema: &CreateSchema, user: &str) -> Result<String> {
    let name = references::resolve_schema(&schema.name)?;
    if let Some(old) = draft.snapshot().schema(name) {
        if schema.if_not_exists {
            return Ok(format!("schema '{}' exists already", old.name));
        }
        return Err(Error::Catalog(CatalogError::AlreadyExists {
            kind: "schema",
            name: old.name.to_string(),
        }));
    }
    draft.push(Change::CreateSchema(SchemaEntry {
        id: EntryId::random(),
        name: Name::from(name),
        owner: user.to_owned(),
        comment: schema.comment.clone(),
        properties: schema.properties.clone(),
    }))?;
    Ok(format!("created schema '{name}'"))
}

impl Executor {
    /// Drops a schema; with CASCADE, first what stands in it and whatever reads that.
    pub(super) async fn drop_schema(
        &self,
        draft: &mut Draft,
        parts: &[String],
        drop: &Drop,
    ) -> Result<String> {
        let name = references::resolve_schema(parts)?;
        let schema = match draft.snapshot().require_schema(name) {
            Ok(schema) => schema.name.clone(),
            Err(_) if drop.if_exists => return Ok(format!("schema '{name}' does not exist")),
            Err(missing) => return Err(Error::Catalog(missing)),
        };
        if schema.folded() == mica_catalog::DEFAULT_SCHEMA {
            return Err(Error::invalid("the schema 'default' cannot be dropped"));
        }
        let mut dropped = Vec::new();
        if drop.behavior == Some(DropBehavior::Cascade) {
            let inside = draft.snapshot().relations_of(schema.folded());
            let inside = inside.map(|head| head.name.clone()).collect();
            dropped = self.drop_cascade(draft, inside).await?;
        }
        draft.push(Change::DropSchema(schema.clone()))?;
        dropped.retain(|name| name.schema != schema);
        Ok(match dropped.is_empty() {
            true => format!("dropped schema '{schema}'"),
            false => format!("dropped schema '{schema}', and {}", quoted(&dropped)),
        })
    }
}

pub(super) fn comment(
    draft: &mut Draft,
    parts: &[String],
    comment: Option<String>,
) -> Result<String> {
    let name = references::resolve_schema(parts)?;
    let mut schema = (**draft.snapshot().require_schema(name)?).clone();
    schema.comment = comment;
    draft.push(Change::AlterSchema(schema))?;
    Ok(format!("changed the comment of schema '{name}'"))
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::testing::Session;

    #[test]
    fn cascade_drops_what_reads_the_schema_from_elsewhere() {
        for dialect in [Dialect::Ansi, Dialect::Spark] {
            let mut session = Session::new(dialect);
            session.run("CREATE SCHEMA gold");
            session.run("CREATE VIEW gold.facts AS SELECT 1 AS n");
            session.run("CREATE VIEW reader AS SELECT n FROM gold.facts");
            assert_eq!(
                session.run("DROP SCHEMA gold CASCADE"),
                "dropped schema 'gold', and 'default.reader'"
            );
            assert_eq!(session.snapshot().relation_count(), 0);
        }
    }
}
