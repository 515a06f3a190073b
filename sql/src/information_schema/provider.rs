//! Reads a view of `information_schema` page by page.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::StreamExt;
use mica_catalog::{CatalogStore, Relation, RelationHead, Snapshot, fold, settle_foreign_keys};

use super::{SystemTable, rows};

/// Relations whose bodies are read at once.
const PAGE: usize = 500;

pub(super) struct SystemProvider {
    table: SystemTable,
    snapshot: Snapshot,
    store: Arc<dyn CatalogStore>,
}

impl SystemProvider {
    pub(super) fn new(
        table: SystemTable,
        snapshot: Snapshot,
        store: Arc<dyn CatalogStore>,
    ) -> Self {
        Self {
            table,
            snapshot,
            store,
        }
    }
}

impl fmt::Debug for SystemProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SystemProvider").field(&self.table).finish()
    }
}

#[async_trait]
impl TableProvider for SystemProvider {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Used to choose relations; the filter itself is applied again above the scan.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let page = Pages {
            table: self.table,
            schema: self.table.schema(),
            snapshot: self.snapshot.clone(),
            store: Arc::clone(&self.store),
            wanted: Wanted::of(filters),
        };
        let exec = StreamingTableExec::try_new(
            self.schema(),
            vec![Arc::new(page)],
            projection,
            None,
            false,
            limit,
        )?;
        Ok(Arc::new(exec))
    }
}

/// Names that equality filters ask for.
#[derive(Clone, Debug, Default)]
struct Wanted {
    schema: Option<String>,
    relation: Option<String>,
}

impl Wanted {
    fn of(filters: &[Expr]) -> Self {
        let mut wanted = Self::default();
        for filter in filters {
            let Some((column, value)) = equality(filter) else {
                continue;
            };
            match column {
                "table_schema" | "schema_name" => wanted.schema = Some(fold(value)),
                "table_name" => wanted.relation = Some(fold(value)),
                _ => {}
            }
        }
        wanted
    }
}

fn equality(filter: &Expr) -> Option<(&str, &str)> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else {
        return None;
    };
    if *op != Operator::Eq {
        return None;
    }
    match (&**left, &**right) {
        (Expr::Column(column), Expr::Literal(value, _))
        | (Expr::Literal(value, _), Expr::Column(column)) => match value {
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)) => Some((&column.name, text)),
            _ => None,
        },
        _ => None,
    }
}

struct Pages {
    table: SystemTable,
    schema: SchemaRef,
    snapshot: Snapshot,
    store: Arc<dyn CatalogStore>,
    wanted: Wanted,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pages").field(&self.table).finish()
    }
}

impl Pages {
    fn heads(&self) -> Vec<Arc<RelationHead>> {
        let fits = |head: &&Arc<RelationHead>| {
            let relation = self.wanted.relation.as_deref();
            relation.is_none_or(|wanted| wanted == head.name.relation.folded())
        };
        match &self.wanted.schema {
            Some(schema) => self
                .snapshot
                .relations_of(schema)
                .filter(fits)
                .cloned()
                .collect(),
            None => self.snapshot.relations().filter(fits).cloned().collect(),
        }
    }
}

async fn page(
    table: SystemTable,
    store: Arc<dyn CatalogStore>,
    snapshot: Snapshot,
    heads: Vec<Arc<RelationHead>>,
) -> Result<RecordBatch> {
    let relations = read(table, &*store, &snapshot, &heads).await;
    let relations = relations.map_err(|error| DataFusionError::External(Box::new(error)))?;
    rows::relations(table, &heads, &relations)
}

async fn read(
    table: SystemTable,
    store: &dyn CatalogStore,
    snapshot: &Snapshot,
    heads: &[Arc<RelationHead>],
) -> mica_catalog::Result<Vec<Relation>> {
    if !table.reads_bodies() {
        return Ok(Vec::new());
    }
    let mut relations = mica_catalog::load(store, heads).await?;
    if table.is_about_keys() {
        settle_foreign_keys(store, snapshot, &mut relations).await?;
    }
    Ok(relations)
}

impl SystemTable {
    /// Whether the names alone do not suffice.
    fn reads_bodies(self) -> bool {
        self != Self::Schemata
    }

    fn is_about_keys(self) -> bool {
        !matches!(
            self,
            Self::Schemata | Self::Tables | Self::Columns | Self::Views
        )
    }
}

impl PartitionStream for Pages {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        if self.table == SystemTable::Schemata {
            let batch = rows::schemata(&self.snapshot);
            let stream = futures::stream::iter([batch]);
            return Box::pin(RecordBatchStreamAdapter::new(schema, stream));
        }
        let (table, store) = (self.table, Arc::clone(&self.store));
        let system = rows::system(table);
        let heads = self.heads();
        let pages: Vec<Vec<_>> = heads.chunks(PAGE).map(<[_]>::to_vec).collect();
        let snapshot = self.snapshot.clone();
        let stored = futures::stream::iter(pages)
            .then(move |heads| page(table, Arc::clone(&store), snapshot.clone(), heads));
        let stream = futures::stream::iter([system]).chain(stored);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream))
    }
}
