//! The stored form of a relation's body: JSON for the definition, an Arrow IPC schema message for
//! the columns. `FORMAT.md` specifies every field; types here change only with the format.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_ipc::convert::try_schema_from_flatbuffer_bytes;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{
    Constraint, Definition, Dependency, EntryId, ExternalTable, Key, RelationBody, RelationName,
    SchemaMode, Source, View,
};

/// Why stored bytes could not be read back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("the definition is not the JSON that it should be")]
    Json(#[from] serde_json::Error),
    #[error("the columns are not an Arrow IPC schema message")]
    Columns(#[from] ArrowError),
    #[error("schema mode '{0}' is unknown")]
    SchemaMode(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    owner: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, String>,
    created_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<StoredSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    constraints: Vec<StoredConstraint>,
    #[serde(flatten)]
    definition: StoredDefinition,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredSource {
    project: String,
    layer: String,
    file: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredConstraint {
    name: String,
    columns: Vec<String>,
    /// What a foreign key refers to; a primary key has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    references: Option<StoredReference>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredReference {
    schema: String,
    name: String,
    columns: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredDefinition {
    View {
        text: String,
        dialect: String,
        default_schema: String,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        settings: BTreeMap<String, String>,
        dependencies: Vec<StoredDependency>,
        schema_mode: String,
        #[serde(default)]
        columns_named: bool,
    },
    ExternalTable {
        location: String,
        format: String,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        options: BTreeMap<String, String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        partition_columns: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statement: Option<String>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredDependency {
    schema: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<uuid::Uuid>,
}

/// The JSON of everything but the columns, and the IPC message of the columns.
pub(crate) fn encode(body: &RelationBody) -> Result<(String, Vec<u8>), serde_json::Error> {
    let stored = StoredBody {
        comment: body.comment.clone(),
        owner: body.owner.clone(),
        properties: body.properties.clone(),
        created_at_ms: body.created_at_ms,
        source: body.source.as_ref().map(|source| StoredSource {
            project: source.project.clone(),
            layer: source.layer.clone(),
            file: source.file.clone(),
        }),
        broken: body.broken.clone(),
        constraints: body.constraints.iter().map(encode_constraint).collect(),
        definition: encode_definition(&body.definition),
    };
    Ok((
        serde_json::to_string(&stored)?,
        encode_columns(&body.columns),
    ))
}

fn encode_definition(definition: &Definition) -> StoredDefinition {
    match definition {
        Definition::View(view) => StoredDefinition::View {
            text: view.text.clone(),
            dialect: view.dialect.clone(),
            default_schema: view.default_schema.clone(),
            settings: view.settings.clone(),
            dependencies: view.dependencies.iter().map(encode_dependency).collect(),
            schema_mode: view.schema_mode.as_str().to_owned(),
            columns_named: view.columns_named,
        },
        Definition::ExternalTable(table) => StoredDefinition::ExternalTable {
            location: table.location.clone(),
            format: table.format.clone(),
            options: table.options.clone(),
            partition_columns: table.partition_columns.clone(),
            statement: table.statement.clone(),
        },
    }
}

fn encode_constraint(constraint: &Constraint) -> StoredConstraint {
    let references = match &constraint.key {
        Key::Primary => None,
        Key::Foreign {
            relation, columns, ..
        } => Some(StoredReference {
            schema: relation.schema.to_string(),
            name: relation.relation.to_string(),
            columns: columns.clone(),
        }),
    };
    StoredConstraint {
        name: constraint.name.clone(),
        columns: constraint.columns.clone(),
        references,
    }
}

fn encode_dependency(dependency: &Dependency) -> StoredDependency {
    StoredDependency {
        schema: dependency.name.schema.to_string(),
        name: dependency.name.relation.to_string(),
        id: dependency.id.map(|id| id.0),
    }
}

fn encode_columns(columns: &Schema) -> Vec<u8> {
    let options = IpcWriteOptions::default();
    let mut tracker = DictionaryTracker::new(false);
    let generator = IpcDataGenerator::default();
    generator
        .schema_to_bytes_with_dictionary_tracker(columns, &mut tracker, &options)
        .ipc_message
}

/// The body that [`encode`] was given.
pub(crate) fn decode(json: &str, columns: &[u8]) -> Result<RelationBody, DecodeError> {
    let stored: StoredBody = serde_json::from_str(json)?;
    Ok(RelationBody {
        columns: decode_columns(columns)?,
        comment: stored.comment,
        owner: stored.owner,
        properties: stored.properties,
        created_at_ms: stored.created_at_ms,
        source: stored.source.map(|source| Source {
            project: source.project,
            layer: source.layer,
            file: source.file,
        }),
        broken: stored.broken,
        constraints: stored
            .constraints
            .into_iter()
            .map(decode_constraint)
            .collect(),
        definition: decode_definition(stored.definition)?,
    })
}

fn decode_definition(definition: StoredDefinition) -> Result<Definition, DecodeError> {
    Ok(match definition {
        StoredDefinition::View {
            text,
            dialect,
            default_schema,
            settings,
            dependencies,
            schema_mode,
            columns_named,
        } => Definition::View(View {
            text,
            dialect,
            default_schema,
            settings,
            dependencies: dependencies.into_iter().map(decode_dependency).collect(),
            schema_mode: SchemaMode::parse(&schema_mode)
                .ok_or(DecodeError::SchemaMode(schema_mode))?,
            columns_named,
        }),
        StoredDefinition::ExternalTable {
            location,
            format,
            options,
            partition_columns,
            statement,
        } => Definition::ExternalTable(ExternalTable {
            location,
            format,
            options,
            partition_columns,
            statement,
        }),
    })
}

fn decode_constraint(stored: StoredConstraint) -> Constraint {
    let key = match stored.references {
        None => Key::Primary,
        Some(reference) => Key::Foreign {
            relation: RelationName::new(reference.schema.as_str(), reference.name.as_str()),
            columns: reference.columns,
            primary_key: None,
        },
    };
    Constraint {
        name: stored.name,
        columns: stored.columns,
        key,
    }
}

fn decode_dependency(stored: StoredDependency) -> Dependency {
    Dependency {
        name: RelationName::new(stored.schema.as_str(), stored.name.as_str()),
        id: stored.id.map(EntryId),
    }
}

fn decode_columns(bytes: &[u8]) -> Result<SchemaRef, ArrowError> {
    try_schema_from_flatbuffer_bytes(bytes).map(Arc::new)
}

/// A body as bytes that [`decode_body`] reads: how definitions travel inside tickets.
///
/// # Errors
/// For a definition that JSON cannot hold; none at present.
pub fn encode_body(body: &RelationBody) -> Result<Vec<u8>, serde_json::Error> {
    let (json, columns) = encode(body)?;
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(json.as_bytes());
    bytes.extend_from_slice(&columns);
    Ok(bytes)
}

/// The body that [`encode_body`] was given; none for other bytes.
pub fn decode_body(bytes: &[u8]) -> Option<RelationBody> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (json, columns) = rest.split_at_checked(length)?;
    decode(std::str::from_utf8(json).ok()?, columns).ok()
}
