//! Finds the line, or the object of an array, that a query could not read.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion_datasource_json::utils::JsonArrayToNdjsonReader;

use super::source::reader;
use crate::{Error, Result};

/// Objects that are checked together.
const CHUNK: usize = 1024;

/// Reads a file as a query does, and tells where it breaks.
///
/// # Errors
/// [`Error::BadRow`] for a file with an object on each line, [`Error::Malformed`] for an array.
pub(crate) fn broken_row(
    source: impl Read,
    path: &str,
    schema: &SchemaRef,
    is_lines: bool,
) -> Result<()> {
    let path = path.to_owned();
    if is_lines {
        let lines = BufReader::new(source).lines().map_while(|line| line.ok());
        return match first_broken(lines, schema) {
            Some((line, problem)) => Err(Error::BadRow {
                path,
                line,
                problem,
            }),
            None => Ok(()),
        };
    }
    let objects = serde_json::Deserializer::from_reader(JsonArrayToNdjsonReader::new(source))
        .into_iter::<serde_json::Value>()
        .map_while(|object| object.ok())
        .map(|object| object.to_string());
    match first_broken(objects, schema) {
        Some((object, problem)) => Err(Error::Malformed {
            path,
            format: "JSON",
            reason: format!("object {object} of the array: {problem}"),
        }),
        None => Ok(()),
    }
}

/// The number of the first object that cannot be read, from one, and why.
fn first_broken(
    mut objects: impl Iterator<Item = String>,
    schema: &SchemaRef,
) -> Option<(u64, String)> {
    let mut before = 0;
    loop {
        let chunk: Vec<String> = objects.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return None;
        }
        if decode(&chunk.join("\n"), schema).is_err() {
            let broken = chunk.iter().zip(1..).find_map(|(object, at)| {
                let error = decode(object, schema).err()?;
                Some((before + at, reason(&error)))
            });
            if broken.is_some() {
                return broken;
            }
        }
        before += chunk.len() as u64;
    }
}

fn decode(objects: &str, schema: &SchemaRef) -> Result<(), ArrowError> {
    let mut decoder = reader(Arc::clone(schema))
        .with_batch_size(CHUNK)
        .build_decoder()?;
    decoder.decode(objects.as_bytes())?;
    decoder.flush().map(drop)
}

fn reason(error: &ArrowError) -> String {
    match error {
        ArrowError::JsonError(reason) => reason.clone(),
        error => error.to_string(),
    }
}
