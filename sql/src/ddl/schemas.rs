//! Creating and dropping schemas.

use mica_catalog::{Change, EntryId, Error as CatalogError, Name, SchemaEntry};

use super::draft::Draft;
use crate::statement::{CreateSchema, DropBehavior};
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

pub(super) fn drop(
    draft: &mut Draft,
    parts: &[String],
    if_exists: bool,
    behavior: Option<DropBehavior>,
) -> Result<String> {
    let name = references::resolve_schema(parts)?;
    let Some(schema) = draft.snapshot().schema(name).cloned() else {
        if if_exists {
            return Ok(format!("schema '{name}' does not exist"));
        }
        return draft
            .snapshot()
            .require_schema(name)
            .map(|_| String::new())
            .map_err(Error::Catalog);
    };
    if schema.name.folded() == mica_catalog::DEFAULT_SCHEMA {
        return Err(Error::invalid("the schema 'default' cannot be dropped"));
    }
    if behavior == Some(DropBehavior::Cascade) {
        let inside = draft.snapshot().relations_of(schema.name.folded());
        let names: Vec<_> = inside.map(|head| head.name.clone()).collect();
        for name in names {
            draft.drop(&name, false)?;
        }
    }
    draft.push(Change::DropSchema(schema.name.clone()))?;
    Ok(format!("dropped schema '{}'", schema.name))
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
