//! Declared keys. They inform: nothing enforces them, and no plan relies on them.

use arrow_schema::Schema;

use crate::{RelationName, fold};

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
        /// The name of its primary key, if those are its columns.
        primary_key: Option<String>,
    },
}

impl Constraint {
    /// Whether all its columns are there.
    pub fn fits(&self, columns: &Schema) -> bool {
        let there = |name: &String| {
            let folded = fold(name);
            columns.fields().iter().any(|f| fold(f.name()) == folded)
        };
        self.columns.iter().all(there)
    }
}
