//! From a parsed query and a snapshot to a plan.
//!
//! ```text
//! names in the text -> Loader: bodies, layer by layer -> Level of each view -> Expansion -> plan
//!                                                          `-- kept by (id, version)
//! ```
//!
//! No object store is touched: schemas come from the catalog.

mod levels;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlan;
use mica_catalog::{
    CatalogStore, Definition, Dependency, EntryId, Relation, RelationName, Snapshot, Version,
};
use sqlparser::ast::Query;

use self::levels::Levels;
use crate::expand::Expansion;
use crate::graph::{Graph, Loader, Temporary};
use crate::level::{Source, Sources};
use crate::moment::Reuse;
use crate::parameters::{Parameter, plan_level};
use crate::{
    Error, INFORMATION_SCHEMA, Result, Scope, StatementText, information_schema, references, wire,
};

/// Gives the provider of an external table; its columns are folded.
pub trait Providers: Send + Sync + std::fmt::Debug {
    /// The provider of `relation`, an external table. Touches no object store.
    ///
    /// # Errors
    /// For a definition that cannot be read, such as a format of a later version.
    fn provider(
        &self,
        relation: &Relation,
    ) -> Result<Arc<dyn TableProvider>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Limits of a plan.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Views that may lie on top of each other.
    pub view_depth_max: u64,
    /// Nodes that a statement's views may expand to.
    pub plan_nodes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            view_depth_max: 500,
            plan_nodes_max: 10_000,
        }
    }
}

/// Plans queries. Cheap to clone; clones share what they keep.
#[derive(Clone, Debug)]
pub struct Planner {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn CatalogStore>,
    providers: Arc<dyn Providers>,
    limits: Limits,
    levels: Levels,
}

/// A query, ready to be optimised and run.
#[derive(Debug)]
pub struct Planned {
    /// Analysed, views expanded, names folded.
    pub plan: LogicalPlan,
    /// The schema that clients see; the plan's columns are cast to it, in order.
    pub columns: SchemaRef,
    /// `$1..$n`; none once they are bound.
    pub parameters: Vec<Parameter>,
    /// Whether the plan may be optimised once and run often.
    pub reuse: Reuse,
    /// Every relation that it reaches, directly or through views; none if it depends on the whole
    /// catalog, or on something else.
    pub reads: Option<Vec<Read>>,
}

/// A relation, in the state that something was planned with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its name.
    pub name: RelationName,
    /// What it was.
    pub id: EntryId,
    /// The version that wrote that state of it.
    pub since: Version,
}

impl Planned {
    /// Whether planning against `snapshot` would give this plan again.
    pub fn fits(&self, snapshot: &Snapshot) -> bool {
        let unchanged = |read: &Read| {
            let head = snapshot.relation(&read.name);
            head.is_some_and(|head| head.id == read.id && head.since == read.since)
        };
        let reads = self.reads.as_ref();
        reads.is_some_and(|reads| reads.iter().all(unchanged))
    }
}

/// The columns of a view that is being defined, and what it reads.
#[derive(Debug)]
pub struct PlannedView {
    /// Output columns: spelled, in wire types.
    pub columns: SchemaRef,
    /// What the text reads.
    pub dependencies: Vec<Dependency>,
}

/// What a text is planned against.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// The catalog's version.
    pub snapshot: &'a Snapshot,
    /// The session's temporary views.
    pub temporary: &'a Temporary,
    /// Dialect, schema, settings.
    pub scope: &'a Scope,
}

impl Planner {
    /// A planner over a catalog.
    pub fn new(
        store: Arc<dyn CatalogStore>,
        providers: Arc<dyn Providers>,
        limits: Limits,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                providers,
                limits,
                levels: Levels::new(),
            }),
        }
    }

    /// The catalog.
    pub fn store(&self) -> &Arc<dyn CatalogStore> {
        &self.inner.store
    }

    /// Plans a query with its parameters in it, of `types` or, without any, of those that the text
    /// gives them.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::View`], [`Error::Limit`], [`Error::Planning`] and what else is
    /// wrong with the text.
    pub async fn query(
        &self,
        query: &Query,
        text: &StatementText,
        against: Against<'_>,
        types: Option<&[DataType]>,
    ) -> Result<Planned> {
        let sources = self.sources(query, against).await?;
        let (level, parameters) = plan_level(query, text, against.scope, &sources, types)?;
        let roots = by_name(&sources);
        let loader = self.loader(against);
        let graph = loader.graph(&roots).await?;
        let expansion = self.expansion(&graph, against)?;
        let plan = expansion.expand(&level)?;
        let types: Vec<DataType> = types_of(&level.plan);
        Ok(Planned {
            columns: wire::schema(&level.names, types.iter()),
            reuse: Reuse::of(&plan)?,
            plan,
            parameters,
            reads: graph.reads(),
        })
    }

    /// Plans the query of a view: its own level alone, over the stored columns of what it reads.
    ///
    /// # Errors
    /// As [`Planner::query`]; a parameter is an error.
    pub async fn view(
        &self,
        query: &Query,
        text: &StatementText,
        against: Against<'_>,
    ) -> Result<PlannedView> {
        if text.parameters > 0 {
            return Err(Error::invalid("a view cannot have parameters"));
        }
        let sources = self.sources(query, against).await?;
        let (level, _) = plan_level(query, text, against.scope, &sources, None)?;
        let types = types_of(&level.plan);
        let dependency = |source: &Arc<Source>| Dependency {
            name: source.name().clone(),
            id: Some(source.relation.id),
        };
        let mut dependencies: Vec<Dependency> = sources.values().map(dependency).collect();
        dependencies.sort_by(|a, b| a.name.cmp(&b.name));
        dependencies.dedup();
        Ok(PlannedView {
            columns: wire::schema(&level.names, types.iter()),
            dependencies,
        })
    }

    fn loader<'a>(&'a self, against: Against<'a>) -> Loader<'a> {
        Loader {
            store: &*self.inner.store,
            snapshot: against.snapshot,
            temporary: against.temporary,
        }
    }

    /// The relations that a text names.
    async fn sources(&self, query: &Query, against: Against<'_>) -> Result<Sources> {
        let named = references::of_query(query)?;
        let mut names: Vec<(TableReference, RelationName)> = Vec::with_capacity(named.len());
        for reference in named {
            let name = match temporary_name(&reference, against.temporary) {
                Some(name) => name,
                None => references::resolve(&reference, against.scope)?,
            };
            names.push((reference, name));
        }
        let wanted: Vec<RelationName> = names.iter().map(|(_, name)| name.clone()).collect();
        let found = self.loader(against).sources(&wanted).await?;
        let mut sources = Sources::with_capacity(names.len());
        for (reference, name) in names {
            let Some(source) = found.get(&name) else {
                let position = references::positions(query).get(&reference).copied();
                return Err(references::missing(against.snapshot, &name, position));
            };
            sources.insert(reference, Arc::clone(source));
        }
        Ok(sources)
    }

    /// The plans of everything in `graph`.
    fn expansion(&self, graph: &Graph, against: Against<'_>) -> Result<Expansion<'_>> {
        let mut expansion = Expansion::new(&self.inner.limits);
        for (source, depth) in graph.order()? {
            let limit = self.inner.limits.view_depth_max;
            if depth > limit {
                return Err(Error::Limit {
                    what: format!(
                        "the stack of views up to '{}', {depth} deep,",
                        source.name()
                    ),
                    limit,
                    flag: "--max-view-depth",
                });
            }
            match &source.relation.body.definition {
                Definition::ExternalTable(_) => {
                    let provider = self.provider(&source, against)?;
                    expansion.add_table(source.name(), provider_as_source(provider));
                }
                Definition::View(view) => {
                    let in_view = |cause| Error::View {
                        view: source.name().clone(),
                        cause: Box::new(cause),
                    };
                    let levels = &self.inner.levels;
                    let level = levels.of_view(&source, view, graph, against);
                    let level = level.map_err(in_view)?;
                    expansion.add_view(&source, &level)?;
                }
            }
        }
        Ok(expansion)
    }

    fn provider(&self, source: &Source, against: Against<'_>) -> Result<Arc<dyn TableProvider>> {
        if source.name().schema.folded() == INFORMATION_SCHEMA {
            let store = Arc::clone(&self.inner.store);
            return information_schema::provider(source.name(), against.snapshot.clone(), store);
        }
        let provider = self.inner.providers.provider(&source.relation);
        provider.map_err(|cause| Error::Define {
            name: source.name().clone(),
            source: cause,
        })
    }
}

fn by_name(sources: &Sources) -> HashMap<RelationName, Arc<Source>> {
    let named = sources.values();
    named
        .map(|source| (source.name().clone(), Arc::clone(source)))
        .collect()
}

fn types_of(plan: &LogicalPlan) -> Vec<DataType> {
    let fields = plan.schema().fields().iter();
    fields.map(|field| field.data_type().clone()).collect()
}

/// An unqualified name means a temporary view first.
fn temporary_name(reference: &TableReference, temporary: &Temporary) -> Option<RelationName> {
    match reference {
        TableReference::Bare { table } => {
            temporary.get(table).map(|relation| relation.name.clone())
        }
        _ => None,
    }
}
