//! Digests of rows and bodies; `FORMAT.md` specifies them.

use super::read::RelationRow;
use crate::SchemaEntry;

/// The hash of a live row: what the digest of a commit sums up.
pub(super) fn schema_digest(entry: &SchemaEntry, begin: i64, body: &str) -> u64 {
    row_digest(&[
        b"schema",
        entry.id.0.as_bytes(),
        &begin.to_le_bytes(),
        entry.name.as_str().as_bytes(),
        body.as_bytes(),
    ])
}

/// The hash of a live row: what the digest of a commit sums up.
pub(super) fn relation_digest(row: &RelationRow) -> u64 {
    row_digest(&[
        b"relation",
        row.id.0.as_bytes(),
        &row.begin.to_le_bytes(),
        row.schema_fold.as_bytes(),
        row.name.as_bytes(),
        row.kind.as_bytes(),
        &row.body_hash,
    ])
}

fn row_digest(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The hash that ties a body to its row in `relations`.
pub(super) fn body_hash(json: &str, columns: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(json.len() as u64).to_le_bytes());
    hasher.update(json.as_bytes());
    hasher.update(columns);
    *hasher.finalize().as_bytes()
}
