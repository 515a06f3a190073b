//! Loads everything that a statement reads, down to the tables.
//!
//! # Invariants
//! * Reads one [`Snapshot`], never the live catalog.
//! * A worklist, one batch of bodies per layer of views: neither recursion nor a lookup per view.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use mica_catalog::{
    CatalogStore, Definition, Dependency, Name, Relation, RelationHead, RelationName, Snapshot,
};

use crate::level::Source;
use crate::planner::Read;
use crate::{Error, INFORMATION_SCHEMA, Result, information_schema};

/// The schema of temporary views. No stored schema can have an empty name.
pub(crate) const TEMPORARY: &str = "";

/// The temporary views and tables of a session, by folded name.
#[derive(Clone, Debug, Default)]
pub struct Temporary {
    relations: BTreeMap<String, Relation>,
}

impl Temporary {
    /// The name of a temporary relation.
    pub(crate) fn name(relation: &Name) -> RelationName {
        RelationName {
            schema: Name::from(TEMPORARY),
            relation: relation.clone(),
        }
    }

    /// The temporary relation of that name.
    pub fn get(&self, name: &str) -> Option<&Relation> {
        self.relations.get(&mica_catalog::fold(name))
    }

    /// Adds a relation, or replaces the one of that name.
    pub fn insert(&mut self, relation: Relation) {
        let folded = relation.name.relation.folded().to_owned();
        self.relations.insert(folded, relation);
    }

    /// Removes the relation of that name, and tells whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.relations.remove(&mica_catalog::fold(name)).is_some()
    }

    /// All of them, by folded name.
    pub fn iter(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }
}

/// Relations by name, with all that they read.
pub(crate) struct Graph {
    sources: HashMap<RelationName, Arc<Source>>,
}

/// Loads relations of a snapshot.
pub(crate) struct Loader<'a> {
    pub(crate) store: &'a dyn CatalogStore,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) temporary: &'a Temporary,
}

impl Loader<'_> {
    /// The relations of those names. Missing ones are left out.
    pub(crate) async fn sources(
        &self,
        names: &[RelationName],
    ) -> Result<HashMap<RelationName, Arc<Source>>> {
        let mut found = HashMap::with_capacity(names.len());
        let mut heads: Vec<Arc<RelationHead>> = Vec::new();
        for name in names {
            if name.schema.as_str() == TEMPORARY {
                if let Some(relation) = self.temporary.get(name.relation.folded()) {
                    found.insert(name.clone(), Source::new(relation.clone()));
                }
            } else if let Some(system) = information_schema::relation(name) {
                found.insert(name.clone(), Source::new(system));
            } else if let Some(head) = self.snapshot.relation(name) {
                heads.push(Arc::clone(head));
            }
        }
        for relation in mica_catalog::load(self.store, &heads).await? {
            found.insert(relation.name.clone(), Source::new(relation));
        }
        Ok(found)
    }

    /// The relations of `roots` and everything below them.
    pub(crate) async fn graph(&self, roots: &HashMap<RelationName, Arc<Source>>) -> Result<Graph> {
        let mut sources = roots.clone();
        let mut layer: Vec<Arc<Source>> = roots.values().cloned().collect();
        while !layer.is_empty() {
            let mut wanted: Vec<RelationName> = Vec::new();
            let mut seen: HashSet<&RelationName> = HashSet::new();
            for dependency in layer
                .iter()
                .flat_map(|source| source.relation.body.dependencies())
            {
                if !sources.contains_key(&dependency.name) && seen.insert(&dependency.name) {
                    wanted.push(dependency.name.clone());
                }
            }
            let found = self.sources(&wanted).await?;
            layer = found.values().cloned().collect();
            sources.extend(found);
        }
        Ok(Graph { sources })
    }
}

impl Graph {
    pub(crate) fn source(&self, name: &RelationName) -> Option<&Arc<Source>> {
        self.sources.get(name)
    }

    /// The relations in their states, if all of them are stored ones.
    pub(crate) fn reads(&self) -> Option<Vec<Read>> {
        let read = |(name, source): (&RelationName, &Arc<Source>)| {
            let made = [TEMPORARY, INFORMATION_SCHEMA].contains(&name.schema.folded());
            (!made).then(|| Read {
                name: name.clone(),
                id: source.relation.id,
                since: source.relation.since,
            })
        };
        self.sources.iter().map(read).collect()
    }

    /// The relations, each after all that it reads, with the views on top of each other
    /// up to it.
    ///
    /// # Errors
    /// [`mica_catalog::Error::Cycle`]: a commit never makes one, but temporary views can.
    pub(crate) fn order(&self) -> Result<Vec<(Arc<Source>, u64)>> {
        let mut depths: HashMap<&RelationName, u64> = HashMap::new();
        let mut order = Vec::with_capacity(self.sources.len());
        let mut names: Vec<&RelationName> = self.sources.keys().collect();
        names.sort();
        for start in names {
            self.visit(start, &mut depths, &mut order)?;
        }
        Ok(order)
    }

    fn visit<'a>(
        &'a self,
        start: &'a RelationName,
        depths: &mut HashMap<&'a RelationName, u64>,
        order: &mut Vec<(Arc<Source>, u64)>,
    ) -> Result<()> {
        // Each relation on the way down, with how many of those that it reads were visited.
        let mut path: Vec<(&RelationName, usize)> = vec![(start, 0)];
        let mut on_path: HashSet<&RelationName> = HashSet::from([start]);
        while let Some((name, visited)) = path.last_mut() {
            let name = *name;
            let source = self.sources.get(name);
            let source = source.filter(|_| !depths.contains_key(name));
            let reads = source.map_or(&[][..], |source| source.relation.body.dependencies());
            if let Some(Dependency { name: below, .. }) = reads.get(*visited) {
                *visited += 1;
                if !on_path.insert(below) {
                    return Err(circle(&path, below));
                }
                path.push((below, 0));
                continue;
            }
            if let Some(source) = source {
                let depth = depth(source, depths);
                depths.insert(name, depth);
                order.push((Arc::clone(source), depth));
            }
            on_path.remove(name);
            path.pop();
        }
        Ok(())
    }
}

/// The views on top of each other up to `source`, with those of all that it reads known.
fn depth(source: &Source, depths: &HashMap<&RelationName, u64>) -> u64 {
    let body = &source.relation.body;
    let reads = body.dependencies().iter();
    let below = reads.filter_map(|dependency| depths.get(&dependency.name));
    let is_view = matches!(body.definition, Definition::View(_));
    below.max().copied().unwrap_or(0) + u64::from(is_view)
}

/// The error for a path that comes back to `name`.
fn circle(path: &[(&RelationName, usize)], name: &RelationName) -> Error {
    let steps = path.iter().map(|(step, _)| (*step).clone());
    Error::Catalog(mica_catalog::Error::Cycle {
        path: steps.skip_while(|step| step != name).collect(),
    })
}
