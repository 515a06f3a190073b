//! Readers of what a draft changed: planned again in the same commit.
//!
//! Those that still plan follow. If one does not, `ansi` refuses, and `spark` commits and marks it
//! broken with the reason; recreating the name heals it. A reader whose own columns change (in the
//! EVOLUTION modes) is a change for its readers in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use mica_catalog::{
    Definition, Relation, RelationBody, RelationHead, RelationName, SchemaMode, View, fold,
    near_matches,
};

use super::columns::keep_comments;
use super::draft::{Draft, Touched};
use super::{Executor, SessionContext};
use crate::expand::is_lossless;
use crate::planner::{Against, PlannedView};
use crate::{Dialect, Error, Result, parse, text, types};

impl Executor {
    pub(crate) async fn replan_dependents(
        &self,
        draft: &mut Draft,
        session: &SessionContext,
    ) -> Result<()> {
        loop {
            let touched = draft.touched();
            if touched.is_empty() {
                return Ok(());
            }
            self.refuse_gone(draft, &touched).await?;
            let names: Vec<RelationName> = touched.into_keys().collect();
            for reader in self.stored_readers(draft, &names).await? {
                self.replan(draft, reader, session).await?;
            }
        }
    }

    /// Stored readers of `names` that no statement of the draft dropped or put, as the draft has
    /// them: one may have been planned again already, before another that it reads.
    async fn stored_readers(&self, draft: &Draft, names: &[RelationName]) -> Result<Vec<Relation>> {
        let store = self.planner.store();
        let stored = store.dependents(draft.base(), names).await?;
        let now = |head: &Arc<RelationHead>| {
            let now = draft.snapshot().relation_by_id(head.id);
            now.filter(|now| now.name == head.name && !draft.was_put(&head.name))
                .cloned()
        };
        let mut heads: Vec<Arc<RelationHead>> = stored.iter().filter_map(now).collect();
        // Messages and plans come in one order, whatever the store's.
        heads.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(mica_catalog::load(&**store, &heads).await?)
    }

    async fn refuse_gone(
        &self,
        draft: &Draft,
        touched: &BTreeMap<RelationName, Touched>,
    ) -> Result<()> {
        for (name, why) in touched {
            let gone = draft.snapshot().relation(name).is_none();
            if !gone || *why != (Touched::Gone { refuse: true }) {
                continue;
            }
            let readers = self
                .stored_readers(draft, std::slice::from_ref(name))
                .await?;
            if !readers.is_empty() {
                return Err(Error::Dependents {
                    action: "drop or rename",
                    name: name.clone(),
                    dependents: readers.into_iter().map(|reader| reader.name).collect(),
                    reason: "drop those first, or add CASCADE".to_owned(),
                });
            }
        }
        Ok(())
    }

    async fn replan(
        &self,
        draft: &mut Draft,
        reader: Relation,
        session: &SessionContext,
    ) -> Result<()> {
        let Definition::View(view) = &reader.body.definition else {
            return Ok(());
        };
        let planned = self.plan_stored(draft, view, session).await;
        let body = match planned.and_then(|planned| followed(&reader, view, planned)) {
            Ok(body) => body,
            Err(error) if session.scope.dialect == Dialect::Ansi => {
                return Err(Error::Dependents {
                    action: "change what is read by",
                    name: reader.name.clone(),
                    dependents: Vec::new(),
                    reason: format!("it could not be planned any more: {error}"),
                });
            }
            Err(error) => broken(draft, &reader, &error),
        };
        draft.follow(body, &reader)?;
        Ok(())
    }

    /// The body of what comes back out of history, over what it reads now: marked as broken where
    /// that no longer fits, so that it is there to be mended.
    pub(super) async fn again(
        &self,
        draft: &mut Draft,
        relation: &Relation,
        session: &SessionContext,
    ) -> RelationBody {
        let Definition::View(view) = &relation.body.definition else {
            return (*relation.body).clone();
        };
        let planned = self.plan_stored(draft, view, session).await;
        match planned.and_then(|planned| followed(relation, view, planned)) {
            Ok(body) => body,
            Err(error) => broken(draft, relation, &error),
        }
    }

    /// Plans every stored view again. Returns those that cannot be used, with the reason.
    ///
    /// # Errors
    /// What the catalog says.
    pub async fn check_views(
        &self,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<Vec<(RelationName, String)>> {
        const PAGE: usize = 500;
        let store = self.planner.store();
        let draft = Draft::new(store.snapshot().await?);
        let session = SessionContext::default();
        let heads: Vec<_> = draft.snapshot().relations().cloned().collect();
        let mut broken = Vec::new();
        for (at, page) in heads.chunks(PAGE).enumerate() {
            progress(at * PAGE, heads.len());
            for relation in mica_catalog::load(&**store, page).await? {
                let Definition::View(view) = &relation.body.definition else {
                    continue;
                };
                let planned = self.plan_stored(&draft, view, &session).await;
                let checked =
                    planned.and_then(|planned| evolved(&relation, view, &planned.columns));
                if let Err(error) = checked {
                    broken.push((relation.name, error.to_string()));
                }
            }
        }
        progress(heads.len(), heads.len());
        Ok(broken)
    }

    /// Plans the text of a stored view against the draft.
    pub(super) async fn plan_stored(
        &self,
        draft: &Draft,
        view: &View,
        session: &SessionContext,
    ) -> Result<PlannedView> {
        let scope = session.scope.of_view(view)?;
        let text = text::one(&view.text, scope.dialect)?;
        let (query, text) = parse::parse_query(text, scope.dialect)?;
        let against = Against {
            snapshot: draft.snapshot(),
            temporary: &Default::default(),
            scope: &scope,
        };
        self.planner.view(&query, &text, against).await
    }
}

/// The body of `reader` with the reason why it cannot be used, which the draft's notes tell.
fn broken(draft: &mut Draft, reader: &Relation, error: &Error) -> RelationBody {
    let note = format!("view '{}' is broken now: {error}", reader.name);
    if !draft.notes.contains(&note) {
        draft.notes.push(note);
    }
    RelationBody {
        broken: Some(error.to_string()),
        ..(*reader.body).clone()
    }
}

/// The body of `reader`, whose query plans again.
fn followed(reader: &Relation, view: &View, planned: PlannedView) -> Result<RelationBody> {
    let columns = evolved(reader, view, &planned.columns)?;
    Ok(RelationBody {
        columns: keep_comments(&columns, &reader.body.columns),
        broken: None,
        definition: Definition::View(View {
            dependencies: planned.dependencies,
            ..view.clone()
        }),
        ..(*reader.body).clone()
    })
}

/// The columns that `reader` has now that its query gives `new`: the promised ones where its mode
/// keeps a promise, checked, else the new ones.
fn evolved(reader: &Relation, view: &View, new: &SchemaRef) -> Result<SchemaRef> {
    if view.schema_mode == SchemaMode::Evolution && !view.columns_named {
        return Ok(Arc::clone(new));
    }
    let promised = reader.body.columns.fields().iter().enumerate();
    let fields = promised
        .map(|(at, field)| evolved_field(reader, view, new, at, field))
        .collect::<Result<Vec<Field>>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// The promised column `field`, which stands at `at`, as the query gives it now.
fn evolved_field(
    reader: &Relation,
    view: &View,
    new: &Schema,
    at: usize,
    field: &Field,
) -> Result<Field> {
    let changed = |problem: String| Error::SchemaChanged {
        view: reader.name.clone(),
        column: field.name().clone(),
        problem,
    };
    let mut given = new.fields().iter();
    let found = match view.columns_named {
        true => given.nth(at),
        false => given.find(|new| fold(new.name()) == fold(field.name())),
    };
    let Some(found) = found else {
        let has: BTreeSet<String> = new.fields().iter().map(|f| fold(f.name())).collect();
        let near = near_matches(field.name(), has.iter().map(String::as_str));
        let near = near
            .first()
            .map_or(String::new(), |near| format!(" (it has '{near}')"));
        return Err(changed(format!("which its query no longer has{near}")));
    };
    let (from, to) = (found.data_type(), field.data_type());
    let (fits, kept) = match view.schema_mode {
        SchemaMode::Binding => (from == to, to),
        SchemaMode::Compensation => (is_lossless(from, to), to),
        SchemaMode::TypeEvolution | SchemaMode::Evolution => (true, from),
    };
    if !fits {
        let (from, to) = (types::sql_name(from), types::sql_name(to));
        return Err(changed(format!("as {to}, but its query gives {from}")));
    }
    Ok(field.clone().with_data_type(kept.clone()))
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::testing::Session;

    /// `a_top` reads `base` directly and through `middle`, and is planned first.
    fn diamond() -> Session {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE VIEW base AS SELECT 1 AS a, 2 AS b");
        session.run("CREATE VIEW middle WITH SCHEMA EVOLUTION AS SELECT * FROM base");
        session.run(
            "CREATE VIEW a_top WITH SCHEMA EVOLUTION AS \
             SELECT middle.*, base.a AS below FROM middle JOIN base ON middle.a = base.a",
        );
        session
    }

    #[test]
    fn a_reader_follows_another_that_was_planned_after_it() {
        let mut session = diamond();
        session.run("CREATE OR REPLACE VIEW base AS SELECT 1 AS a, 2 AS b, 3 AS c");
        let top = session.relation("a_top");
        let fields = top.body.columns.fields().iter();
        let names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "below"]);
    }

    #[test]
    fn a_reader_that_breaks_by_another_that_was_planned_after_it_is_noticed() {
        let mut session = diamond();
        session.run(
            "CREATE OR REPLACE VIEW a_top AS \
             SELECT middle.b, base.a FROM middle JOIN base ON middle.a = base.a",
        );
        let error = session.fail("CREATE OR REPLACE VIEW base AS SELECT 1 AS a");
        assert!(error.contains("default.a_top"), "{error}");
    }
}
