//! Altering and commenting on relations.

use std::sync::Arc;

use mica_catalog::{Change, Definition, Relation, RelationBody, RelationKind, RelationName};
use sqlparser::ast::ObjectName;

use super::draft::{Draft, Touched};
use super::views::{definition, wrong_kind};
use super::{Executor, SessionContext, columns, constraints, schemas};
use crate::planner::PlannedView;
use crate::statement::{Alter, AlterAction, Comment, CommentTarget};
use crate::{Dialect, Error, Parsed, Result, Scope, references};

impl Executor {
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
        match &alter.action {
            AlterAction::Rename(to) => {
                let (to, message) = rename(draft, &old, to, session)?;
                self.follow_rename(draft, &old.name, &to).await?;
                Ok(message)
            }
            AlterAction::Owner(owner) => give(draft, &old, owner),
            action => {
                let body = self.altered(draft, parsed, &old, action, session).await?;
                let (kind, name) = (old.kind(), &old.name);
                Ok(match draft.put(name, body, Some(&old))? {
                    true => format!("altered {kind} '{name}'"),
                    false => format!("{kind} '{name}' is unchanged"),
                })
            }
        }
    }

    /// The body of `old` after `action`.
    async fn altered(
        &self,
        draft: &Draft,
        parsed: &Parsed,
        old: &Relation,
        action: &AlterAction,
        session: &SessionContext,
    ) -> Result<RelationBody> {
        let mut body = (*old.body).clone();
        match action {
            AlterAction::As { text, query } => {
                let planned = self.plan_view(draft, query, parsed, session).await?;
                return with_query(&old.body, text, planned, &session.scope_of(parsed));
            }
            AlterAction::SetProperties(properties) => body.properties.extend(properties.clone()),
            AlterAction::UnsetProperties { if_exists, keys } => {
                unset(&mut body, keys, *if_exists)?;
            }
            AlterAction::AddConstraint(add) => {
                self.add_constraint(draft, old, &mut body, add, session)
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
            // These change the entry, not its body alone.
            AlterAction::Rename(_) | AlterAction::Owner(_) => {}
        }
        Ok(body)
    }

    /// Lets the foreign keys that refer to a renamed relation refer to it still.
    async fn follow_rename(
        &self,
        draft: &mut Draft,
        from: &RelationName,
        to: &RelationName,
    ) -> Result<()> {
        /// Bodies in memory at once.
        const LOADED_MAX: usize = 500;
        let heads: Vec<_> = draft.snapshot().relations().cloned().collect();
        let store = Arc::clone(self.planner.store());
        for heads in heads.chunks(LOADED_MAX) {
            for relation in mica_catalog::load(&*store, heads).await? {
                if let Some(body) = constraints::renamed(&relation.body, from, to) {
                    draft.follow(body, &relation)?;
                }
            }
        }
        Ok(())
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
            Some(column) => {
                body.columns = columns::commented(&old, column, comment.comment.as_deref())?;
            }
        }
        draft.put(&old.name, body, Some(&old))?;
        let what = column.map_or(String::new(), |column| format!(" column '{column}' of"));
        let (kind, name) = (old.kind(), &old.name);
        Ok(format!("changed the comment of{what} {kind} '{name}'"))
    }
}

fn rename(
    draft: &mut Draft,
    old: &Relation,
    to: &ObjectName,
    session: &SessionContext,
) -> Result<(RelationName, String)> {
    let mut scope = session.scope.clone();
    old.name.schema.as_str().clone_into(&mut scope.schema);
    let to = references::resolve_object(to, &scope)?;
    let refuse = session.scope.dialect == Dialect::Ansi;
    if to != old.name {
        draft.touch(&old.name, Touched::Gone { refuse });
        draft.touch(&to, Touched::Columns);
    }
    replace(draft, old, &to, (*old.body).clone())?;
    let message = format!("renamed {} '{}' to '{to}'", old.kind(), old.name);
    Ok((to, message))
}

/// Changes the owner.
fn give(draft: &mut Draft, old: &Relation, owner: &str) -> Result<String> {
    let mut body = (*old.body).clone();
    owner.clone_into(&mut body.owner);
    replace(draft, old, &old.name, body)?;
    Ok(format!("altered {} '{}'", old.kind(), old.name))
}

/// As [`Draft::put`], but with an owner, or a spelling of the name, that a put would keep.
fn replace(
    draft: &mut Draft,
    old: &Relation,
    name: &RelationName,
    body: RelationBody,
) -> Result<()> {
    draft.push(Change::Put {
        name: name.clone(),
        id: old.id,
        body: Arc::new(body),
    })
}

/// `old` with another query, planned in `scope`.
fn with_query(
    old: &RelationBody,
    text: &str,
    planned: PlannedView,
    scope: &Scope,
) -> Result<RelationBody> {
    columns::check_unique(&planned.columns)?;
    let mut body = old.clone();
    body.columns = columns::keep_comments(&planned.columns, &old.columns);
    if let Definition::View(view) = &old.definition {
        let (mode, reads) = (view.schema_mode, planned.dependencies);
        body.definition = Definition::View(definition(text.to_owned(), scope, reads, mode, false));
    }
    body.broken = None;
    body.constraints = constraints::kept(old, &body);
    Ok(body)
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

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::testing::Session;

    #[test]
    fn a_stored_view_cannot_be_altered_to_read_a_temporary_one() {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE TEMPORARY VIEW tmp AS SELECT 1 AS n");
        session.run("CREATE VIEW v AS SELECT 1 AS n");
        let error = session.fail("ALTER VIEW v AS SELECT n FROM tmp");
        assert!(error.contains("temporary view 'tmp'"), "{error}");
    }

    #[test]
    fn an_altered_view_has_no_two_columns_of_one_name() {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE VIEW v AS SELECT 1 AS n");
        let error = session.fail("ALTER VIEW v AS SELECT a.n, b.n FROM v AS a CROSS JOIN v AS b");
        assert!(error.contains("two columns"), "{error}");
    }

    #[test]
    fn a_rename_can_change_the_case_alone() {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE VIEW orders AS SELECT 1 AS n");
        session.run("CREATE VIEW reader AS SELECT n FROM orders");
        session.run("ALTER VIEW orders RENAME TO Orders");
        assert_eq!(
            session.relation("orders").name.to_string(),
            "default.Orders"
        );
    }

    #[test]
    fn foreign_keys_follow_a_rename() {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE VIEW c AS SELECT 1 AS id");
        session.run("CREATE VIEW f AS SELECT 1 AS cid");
        session.run("ALTER VIEW f ADD FOREIGN KEY (cid) REFERENCES c (id) NOT ENFORCED");
        session.run("ALTER VIEW c RENAME TO customers");
        let key = session.relation("f").body.constraints[0].key.clone();
        let mica_catalog::Key::Foreign { relation, .. } = key else {
            panic!("{key:?}");
        };
        assert_eq!(relation.to_string(), "default.customers");
    }

    #[test]
    fn a_message_does_not_change_the_name() {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE VIEW replaced AS SELECT 1 AS n");
        assert_eq!(
            session.run("ALTER VIEW replaced SET TBLPROPERTIES ('k' = 'v')"),
            "altered view 'default.replaced'"
        );
    }

    #[test]
    fn properties_are_unset_as_they_were_set() {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE VIEW v AS SELECT 1 AS n");
        session.run("ALTER VIEW v SET TBLPROPERTIES ('Quality' = 'gold')");
        session.run("ALTER VIEW v UNSET TBLPROPERTIES ('Quality')");
        assert!(session.relation("v").body.properties.is_empty());
    }
}
