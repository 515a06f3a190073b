//! Dropping relations, and with CASCADE what reads them.

use std::collections::VecDeque;
use std::sync::Arc;

use mica_catalog::{RelationKind, RelationName};
use sqlparser::ast::ObjectName;

use super::draft::Draft;
use super::views::wrong_kind;
use super::{Executor, SessionContext};
use crate::graph::Temporary;
use crate::statement::{Drop, DropBehavior, DropKind};
use crate::{Dialect, Error, Result, references};

/// The written parts of a name.
fn parts(name: &ObjectName) -> Vec<String> {
    let idents = name.0.iter().filter_map(|part| part.as_ident());
    idents.map(|ident| ident.value.clone()).collect()
}

/// Whether all that is dropped is temporary.
pub(super) fn drops_temporary(drop: &Drop, temporary: &Temporary) -> bool {
    drop.kind != DropKind::Schema
        && drop.names.iter().all(|name| match parts(name).as_slice() {
            [name] => temporary.get(name).is_some(),
            _ => false,
        })
}

pub(super) fn drop_temporary(drop: &Drop, temporary: &mut Temporary) -> String {
    let names: Vec<String> = drop.names.iter().flat_map(parts).collect();
    for name in &names {
        temporary.remove(name);
    }
    format!("dropped temporary view '{}'", names.join("', '"))
}

impl Executor {
    pub(super) async fn drop(
        &self,
        draft: &mut Draft,
        drop: &Drop,
        session: &SessionContext,
    ) -> Result<String> {
        let mut messages = Vec::with_capacity(drop.names.len());
        for name in &drop.names {
            let message = match drop.kind {
                DropKind::Schema => self.drop_schema(draft, &parts(name), drop).await?,
                _ => self.drop_relation(draft, name, drop, session).await?,
            };
            messages.push(message);
        }
        Ok(messages.join("\n"))
    }

    async fn drop_relation(
        &self,
        draft: &mut Draft,
        name: &ObjectName,
        drop: &Drop,
        session: &SessionContext,
    ) -> Result<String> {
        let name = references::resolve_object(name, &session.scope)?;
        let kind = match drop.kind {
            DropKind::View => RelationKind::View,
            _ => RelationKind::ExternalTable,
        };
        let head = match draft.snapshot().require_relation(&name) {
            Ok(head) => Arc::clone(head),
            Err(_) if drop.if_exists => return Ok(format!("{kind} '{name}' does not exist")),
            Err(missing) => return Err(Error::Catalog(missing)),
        };
        if head.kind != kind {
            let old = self.require(draft, &name).await?;
            return Err(match head.kind {
                RelationKind::View => wrong_kind(&old, "table", "use DROP VIEW"),
                RelationKind::ExternalTable => wrong_kind(&old, "view", "use DROP TABLE"),
            });
        }
        let refuse = match drop.behavior {
            Some(DropBehavior::Restrict) => true,
            Some(DropBehavior::Cascade) => {
                let dropped = self.drop_cascade(draft, vec![head.name.clone()]).await?;
                return Ok(format!("dropped {}", quoted(&dropped)));
            }
            None => session.scope.dialect == Dialect::Ansi,
        };
        draft.drop(&head.name, refuse)?;
        Ok(format!("dropped {kind} '{}'", head.name))
    }

    /// Drops relations and everything that reads them, however indirectly. Returns all of it.
    pub(super) async fn drop_cascade(
        &self,
        draft: &mut Draft,
        names: Vec<RelationName>,
    ) -> Result<Vec<RelationName>> {
        let mut dropped = Vec::new();
        let mut queue = VecDeque::from(names);
        while let Some(name) = queue.pop_front() {
            if draft.snapshot().relation(&name).is_none() {
                continue;
            }
            let store = self.planner.store();
            let readers = store.dependents(draft.snapshot(), std::slice::from_ref(&name));
            queue.extend(readers.await?.iter().map(|reader| reader.name.clone()));
            draft.drop(&name, false)?;
            dropped.push(name);
        }
        Ok(dropped)
    }
}

/// `'a.b', 'a.c'`
pub(super) fn quoted(names: &[RelationName]) -> String {
    let quoted = names.iter().map(|name| format!("'{name}'"));
    quoted.collect::<Vec<_>>().join(", ")
}
