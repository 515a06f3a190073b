//! Dropping, altering and commenting on relations.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use mica_catalog::{
    COMMENT_KEY, Definition, Relation, RelationBody, RelationKind, RelationName, fold, near_matches,
};
use sqlparser::ast::ObjectName;

use super::draft::{Draft, Touched};
use super::views::{keep_comments, outcome, wrong_kind};
use super::{Executor, SessionContext, constraints, schemas};
use crate::graph::Temporary;
use crate::planner::{Against, PlannedView};
use crate::statement::{Alter, AlterAction, Comment, CommentTarget, Drop, DropBehavior, DropKind};
use crate::{Dialect, Error, Parsed, Result, references};

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
                DropKind::Schema => {
                    schemas::drop(draft, &parts(name), drop.if_exists, drop.behavior)?
                }
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
        let Some(head) = draft.snapshot().relation(&name).cloned() else {
            if drop.if_exists {
                return Ok(format!("{kind} '{name}' does not exist"));
            }
            draft.snapshot().require_relation(&name)?;
            return Ok(String::new());
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
            Some(DropBehavior::Cascade) => return self.drop_cascade(draft, &head.name).await,
            None => session.scope.dialect == Dialect::Ansi,
        };
        draft.drop(&head.name, refuse)?;
        Ok(format!("dropped {kind} '{}'", head.name))
    }

    /// Drops a relation and everything that reads it, however indirectly.
    async fn drop_cascade(&self, draft: &mut Draft, name: &RelationName) -> Result<String> {
        let mut names = Vec::new();
        let mut queue = VecDeque::from([name.clone()]);
        while let Some(name) = queue.pop_front() {
            if draft.snapshot().relation(&name).is_none() {
                continue;
            }
            let base = draft.snapshot().clone();
            let store = self.planner.store();
            let readers = store.dependents(&base, std::slice::from_ref(&name)).await?;
            queue.extend(readers.iter().map(|reader| reader.name.clone()));
            draft.drop(&name, false)?;
            names.push(format!("'{name}'"));
        }
        Ok(format!("dropped {}", names.join(", ")))
    }

    pub(super) async fn alter(
        &self,
        draft: &mut Draft,
        parsed: &Parsed,
        alter: &Alter,
        session: &SessionContext,
    ) -> Result<String> {
        let name = references::resolve_object(&alter.name, &session.scope)?;
        let Some(old) = self.current(draft, &name).await? else {
            if alter.if_exists {
                return Ok(format!("'{name}' does not exist"));
            }
            return Err(Error::Catalog(draft.snapshot().not_found(&name)));
        };
        if alter.view && old.kind() != RelationKind::View {
            return Err(wrong_kind(&old, "view", "use ALTER TABLE"));
        }
        let mut body = (*old.body).clone();
        match &alter.action {
            AlterAction::As { text, query } => {
                let against = Against {
                    snapshot: draft.snapshot(),
                    temporary: &session.temporary,
                    scope: &session.scope,
                };
                let planned = self.planner.view(query, &parsed.text, against).await?;
                body = Self::with_query(&old.body, text, &planned, session);
            }
            AlterAction::Rename(to) => return rename(draft, &old, to, session),
            AlterAction::SetProperties(properties) => {
                body.properties.extend(properties.clone());
            }
            AlterAction::UnsetProperties { if_exists, keys } => {
                unset(&mut body, keys, *if_exists)?;
            }
            AlterAction::Owner(owner) => {
                owner.clone_into(&mut body.owner);
                return self.put_as(draft, &old, body);
            }
            AlterAction::AddConstraint(add) => {
                self.add_constraint(draft, &old, &mut body, add, session)
                    .await?;
            }
            AlterAction::DropConstraint { if_exists, name } => {
                constraints::drop(&mut body, name.as_deref(), *if_exists)?;
            }
            AlterAction::SchemaMode(mode) => {
                if let Definition::View(view) = &mut body.definition {
                    view.schema_mode = *mode;
                }
            }
        }
        let changed = draft.put(&old.name, body, Some(&old))?;
        Ok(outcome(kind_of(&old), &old.name, true, changed).replace("replaced", "altered"))
    }

    /// `old` with another query.
    fn with_query(
        old: &RelationBody,
        text: &str,
        planned: &PlannedView,
        session: &SessionContext,
    ) -> RelationBody {
        let mut body = old.clone();
        body.columns = keep_comments(&planned.columns, &old.columns);
        if let Definition::View(view) = &old.definition {
            let view = Self::with_text(view, text.to_owned(), planned, session);
            body.definition = Definition::View(view);
        }
        body.broken = None;
        body.constraints = constraints::kept(old, &body);
        body
    }

    /// As a put, but the owner changes, which a replacement keeps.
    fn put_as(&self, draft: &mut Draft, old: &Relation, body: RelationBody) -> Result<String> {
        draft.push(mica_catalog::Change::Put {
            name: old.name.clone(),
            id: old.id,
            body: Arc::new(body),
        })?;
        Ok(format!("altered {} '{}'", kind_of(old), old.name))
    }

    pub(super) async fn comment(
        &self,
        draft: &mut Draft,
        comment: &Comment,
        session: &SessionContext,
    ) -> Result<String> {
        let (name, column) = match &comment.target {
            CommentTarget::Schema(parts) => {
                return schemas::comment(draft, parts, comment.comment.clone());
            }
            CommentTarget::Relation(name) => (name, None),
            CommentTarget::Column(name, column) => (name, Some(column)),
        };
        let name = references::resolve_object(name, &session.scope)?;
        let old = self.require(draft, &name).await?;
        let mut body = (*old.body).clone();
        match column {
            None => body.comment.clone_from(&comment.comment),
            Some(column) => body.columns = commented(&old, column, comment.comment.as_deref())?,
        }
        draft.put(&old.name, body, Some(&old))?;
        let what = column.map_or(String::new(), |column| format!(" column '{column}' of"));
        Ok(format!(
            "changed the comment of{what} {} '{}'",
            kind_of(&old),
            old.name
        ))
    }
}

fn kind_of(relation: &Relation) -> &'static str {
    match relation.kind() {
        RelationKind::View => "view",
        RelationKind::ExternalTable => "table",
    }
}

fn rename(
    draft: &mut Draft,
    old: &Relation,
    to: &ObjectName,
    session: &SessionContext,
) -> Result<String> {
    let mut scope = session.scope.clone();
    old.name.schema.as_str().clone_into(&mut scope.schema);
    let to = references::resolve_object(to, &scope)?;
    let refuse = session.scope.dialect == Dialect::Ansi;
    if to != old.name {
        draft.touch(&old.name, Touched::Gone { refuse });
        draft.touch(&to, Touched::Columns);
    }
    draft.put(&to, (*old.body).clone(), Some(old))?;
    Ok(format!("renamed {} '{}' to '{to}'", kind_of(old), old.name))
}

fn unset(body: &mut RelationBody, keys: &[String], if_exists: bool) -> Result<()> {
    for key in keys {
        let removed = body.properties.remove(key);
        if removed.is_none() && !if_exists {
            return Err(Error::invalid(format!(
                "there is no property '{key}'; add IF EXISTS to ignore that"
            )));
        }
    }
    Ok(())
}

fn commented(
    old: &Relation,
    column: &str,
    comment: Option<&str>,
) -> Result<datafusion::arrow::datatypes::SchemaRef> {
    let mut found = false;
    let fields: Vec<_> = old
        .body
        .columns
        .fields()
        .iter()
        .map(|field| {
            let mut field = field.as_ref().clone();
            if fold(field.name()) == fold(column) {
                found = true;
                let entry = comment.map(|comment| (COMMENT_KEY.to_owned(), comment.to_owned()));
                field.set_metadata(entry.into_iter().collect());
            }
            field
        })
        .collect();
    if found {
        return Ok(Arc::new(Schema::new(fields)));
    }
    let names = old
        .body
        .columns
        .fields()
        .iter()
        .map(|field| field.name().as_str());
    let near = near_matches(column, names);
    let near = near
        .first()
        .map_or(String::new(), |near| format!("; did you mean '{near}'?"));
    let name = &old.name;
    Err(Error::invalid(format!(
        "'{name}' has no column '{column}'{near}"
    )))
}
