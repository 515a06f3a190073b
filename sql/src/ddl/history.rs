//! Bringing back what was dropped or replaced.

use std::sync::Arc;

use mica_catalog::{Change, HistoryRow, Relation, RelationName, Version};
use sqlparser::ast::ObjectName;

use super::draft::{Draft, Touched};
use super::{Executor, SessionContext};
use crate::{Error, Result, references};

impl Executor {
    /// Puts the relation that stood at a name last back there.
    pub(super) async fn undrop(
        &self,
        draft: &mut Draft,
        name: &ObjectName,
        session: &SessionContext,
    ) -> Result<String> {
        let name = references::resolve_object(name, &session.scope)?;
        let history = self.planner.store().history(&name).await?;
        let dropped = |row: &&HistoryRow| {
            let live = draft.snapshot().relation_by_id(row.id).is_some();
            row.until.is_some() && row.name == name && !live
        };
        let Some(row) = history.iter().find(dropped) else {
            return Err(Error::invalid(format!(
                "nothing called '{name}' was dropped, or its history is no longer kept"
            )));
        };
        self.bring_back(draft, &name, row, session).await?;
        Ok(format!(
            "restored {} '{name}' as of version {}",
            row.kind, row.since
        ))
    }

    /// Puts a relation's state as of a version back.
    pub(super) async fn restore(
        &self,
        draft: &mut Draft,
        name: &ObjectName,
        version: u64,
        session: &SessionContext,
    ) -> Result<String> {
        let name = references::resolve_object(name, &session.scope)?;
        let history = self.planner.store().history(&name).await?;
        let (at, newest) = (Version(version), draft.base().version());
        if at > newest {
            return Err(Error::invalid(format!(
                "there is no version {version} yet; the newest is {newest}"
            )));
        }
        let covers = |row: &&HistoryRow| {
            row.name == name && row.since <= at && row.until.is_none_or(|until| until > at)
        };
        let Some(row) = history.iter().find(covers) else {
            let kept: Vec<String> = history.iter().map(|row| row.since.to_string()).collect();
            return Err(Error::invalid(match kept.is_empty() {
                true => format!("'{name}' has no history"),
                false => format!(
                    "'{name}' has no state at version {version}; it has at {}",
                    kept.join(", ")
                ),
            }));
        };
        self.bring_back(draft, &name, row, session).await?;
        Ok(format!(
            "restored {} '{name}' as of version {}",
            row.kind, row.since
        ))
    }

    async fn bring_back(
        &self,
        draft: &mut Draft,
        name: &RelationName,
        row: &HistoryRow,
        session: &SessionContext,
    ) -> Result<()> {
        let bodies = self.planner.store().bodies(&[(row.id, row.since)]).await?;
        draft.touch(name, Touched::Columns);
        for body in bodies {
            let relation = Relation {
                id: row.id,
                since: row.since,
                name: name.clone(),
                body,
            };
            let body = self.again(draft, &relation, session).await;
            draft.push(Change::Put {
                name: name.clone(),
                id: row.id,
                body: Arc::new(body),
            })?;
        }
        Ok(())
    }
}
