//! The levels of views, kept from one statement to the next.

use std::sync::Arc;

use mica_catalog::{Dependency, EntryId, Version, View};
use quick_cache::sync::Cache;
use sqlparser::ast::Query;

use super::{Against, temporary_name};
use crate::graph::{Graph, TEMPORARY};
use crate::level::{Level, Source, Sources};
use crate::parameters::plan_level;
use crate::{Result, Scope, parse, references, text};

/// Levels kept. A level is a few dozen kB.
const LEVELS_MAX: usize = 1024;

/// A stored view or another relation in one of its states.
type State = (EntryId, Version);

/// A view's state, and what of the session its functions are bound to: the zone and the user.
type Key = (State, String, String);

#[derive(Clone, Debug)]
struct Kept {
    level: Arc<Level>,
    /// The states of what it reads, in the order of its dependencies.
    reads: Vec<State>,
}

#[derive(Debug)]
pub(super) struct Levels {
    kept: Cache<Key, Kept>,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self {
            kept: Cache::new(LEVELS_MAX),
        }
    }

    /// The level of a view, planned now or kept from before.
    ///
    /// # Errors
    /// What is wrong with the view's text, now that it reads what is in `graph`.
    pub(super) fn of_view(
        &self,
        source: &Source,
        view: &View,
        graph: &Graph,
        against: Against<'_>,
    ) -> Result<Arc<Level>> {
        let reads = states_read(view, graph, against)?;
        let scope = against.scope.of_view(view)?;
        let zone = scope.settings.get("timezone").to_owned();
        let state = (source.relation.id, source.relation.since);
        let key = (state, zone, scope.user.clone());
        // What is not committed yet may still change under the same key: the view and what it reads.
        let committed = |(_, since): &State| *since <= against.snapshot.version();
        let keep = source.name().schema.as_str() != TEMPORARY
            && committed(&state)
            && reads.iter().all(committed);
        if keep
            && let Some(kept) = self.kept.get(&key)
            && kept.reads == reads
        {
            return Ok(kept.level);
        }
        let text = text::one(&view.text, scope.dialect)?;
        let (query, text) = parse::parse_query(text, scope.dialect)?;
        let sources = sources(&query, &scope, graph, source, against)?;
        let (level, _) = plan_level(&query, &text, &scope, &sources, None)?;
        let level = Arc::new(level);
        if keep {
            let level = Arc::clone(&level);
            self.kept.insert(key, Kept { level, reads });
        }
        Ok(level)
    }
}

/// The states of what a view reads, in the order of its dependencies.
fn states_read(view: &View, graph: &Graph, against: Against<'_>) -> Result<Vec<State>> {
    let dependencies = view.dependencies.iter();
    let state = |dependency: &Dependency| match graph.source(&dependency.name) {
        Some(below) => Ok((below.relation.id, below.relation.since)),
        None => Err(references::missing(
            against.snapshot,
            &dependency.name,
            None,
        )),
    };
    dependencies.map(state).collect()
}

/// The relations that the text of a view names, out of the graph. A temporary view sees temporary
/// ones; a stored view never does.
fn sources(
    query: &Query,
    scope: &Scope,
    graph: &Graph,
    view: &Source,
    against: Against<'_>,
) -> Result<Sources> {
    let is_temporary = view.name().schema.as_str() == TEMPORARY;
    let mut sources = Sources::new();
    for reference in references::of_query(query)? {
        let temporary = match is_temporary {
            true => temporary_name(&reference, against.temporary),
            false => None,
        };
        let name = match temporary {
            Some(name) => name,
            None => references::resolve(&reference, scope)?,
        };
        let Some(source) = graph.source(&name) else {
            return Err(references::missing(against.snapshot, &name, None));
        };
        sources.insert(reference, Arc::clone(source));
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::testing::Session;

    #[test]
    fn a_level_over_what_was_never_committed_is_not_kept() {
        let mut session = Session::new(Dialect::Ansi);
        session.run("CREATE VIEW base AS SELECT 1 AS a");
        session.run("CREATE VIEW top AS SELECT a FROM (SELECT * FROM base) AS b");
        let draft = session.draft("CREATE OR REPLACE VIEW base AS SELECT 1 AS a, 2 AS gone");
        let drafted = session.plan("SELECT * FROM top", draft.snapshot());
        assert!(drafted.contains("base.gone"), "{drafted}");
        // The next commit makes the version that the draft would have made.
        session.run("CREATE OR REPLACE VIEW base AS SELECT 1 AS a, 2 AS other");
        let committed = session.plan("SELECT * FROM top", &session.snapshot());
        assert!(committed.contains("base.other"), "{committed}");
    }
}
