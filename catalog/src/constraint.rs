//! Declared keys. They inform: nothing enforces them, and no plan relies on them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::Schema;

use crate::store::{CatalogStore, load};
use crate::{Relation, RelationName, Result, Snapshot, fold};

/// A key that was declared with `ALTER .. ADD CONSTRAINT .. NOT ENFORCED`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Unlike that of any other constraint of the relation, without case.
    pub name: String,
    /// The columns, in the order of the key, spelled as the relation has them.
    pub columns: Vec<String>,
    /// What kind of key it is.
    pub key: Key,
}

/// A kind of key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// No two rows share it. A relation has one at most.
    Primary,
    /// Each is one of another relation's keys.
    Foreign {
        /// The other relation.
        relation: RelationName,
        /// Its columns, as many and in the same order.
        columns: Vec<String>,
        /// The name of its primary key, if those are its columns. Not stored: [`settle_foreign_keys`]
        /// tells what it is now.
        primary_key: Option<String>,
    },
}

impl Constraint {
    /// Whether all its columns are there.
    pub fn fits(&self, columns: &Schema) -> bool {
        are_there(&self.columns, columns)
    }

    fn is_primary_of(&self, columns: &[String]) -> bool {
        let is_own = |other: &String| self.columns.iter().any(|own| fold(own) == fold(other));
        self.key == Key::Primary
            && self.columns.len() == columns.len()
            && columns.iter().all(is_own)
    }
}

fn are_there(names: &[String], columns: &Schema) -> bool {
    let there = |name: &String| {
        let folded = fold(name);
        columns.fields().iter().any(|f| fold(f.name()) == folded)
    };
    names.iter().all(there)
}

/// Makes the foreign keys of `relations` those that hold in `snapshot`: without those that refer to
/// what is no longer there, and each with the primary key that it refers to now. What is stored is
/// left alone, so that a relation that comes back is referred to again.
///
/// # Errors
/// What [`CatalogStore::bodies`] returns.
pub async fn settle_foreign_keys(
    store: &dyn CatalogStore,
    snapshot: &Snapshot,
    relations: &mut [Relation],
) -> Result<()> {
    let constraints = relations.iter().flat_map(|r| &r.body.constraints);
    let referred = constraints.filter_map(|constraint| match &constraint.key {
        Key::Foreign { relation, .. } => snapshot.relation(relation),
        Key::Primary => None,
    });
    let heads: HashMap<_, _> = referred.map(|head| (head.id, Arc::clone(head))).collect();
    let heads: Vec<_> = heads.into_values().collect();
    if heads.is_empty() && relations.iter().all(|r| r.body.constraints.is_empty()) {
        return Ok(());
    }
    let targets = load(store, &heads).await?;
    let targets: HashMap<&RelationName, &Relation> = targets
        .iter()
        .map(|target| (&target.name, target))
        .collect();
    for relation in relations.iter_mut().filter(|relation| {
        let mut constraints = relation.body.constraints.iter();
        constraints.any(|constraint| constraint.key != Key::Primary)
    }) {
        let body = Arc::make_mut(&mut relation.body);
        body.constraints
            .retain_mut(|constraint| match &mut constraint.key {
                Key::Primary => true,
                Key::Foreign {
                    relation,
                    columns,
                    primary_key,
                } => settle(targets.get(relation).copied(), columns, primary_key),
            });
    }
    Ok(())
}

/// Whether `target` has `columns`; then the key is named that they are.
fn settle(target: Option<&Relation>, columns: &[String], primary_key: &mut Option<String>) -> bool {
    let Some(target) = target.filter(|target| are_there(columns, &target.body.columns)) else {
        return false;
    };
    let mut keys = target.body.constraints.iter();
    let primary = keys.find(|key| key.is_primary_of(columns));
    *primary_key = primary.map(|key| key.name.clone());
    true
}
