//! Scans that run more than once.
//!
//! DataFusion's file sources keep the metrics of every execution, and copies of a source share them:
//! a plan that is kept and run again would grow without end. So each scan carries the recipe of its
//! source, and a plan that runs again gets sources that have not run yet.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;

/// Makes the source of a scan, as it was before DataFusion planned with it.
#[derive(Clone)]
pub(crate) struct Recipe(Arc<dyn Fn() -> Arc<dyn FileSource> + Send + Sync>);

impl Recipe {
    pub(crate) fn new<S: FileSource + 'static>(
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move || Arc::new(make())))
    }

    pub(crate) fn source(&self) -> Arc<dyn FileSource> {
        (self.0)()
    }

    /// Gives the recipe to the first of the files, with which it goes through planning.
    pub(crate) fn attach(&self, files: &mut [PartitionedFile]) {
        if let Some(file) = files.first_mut() {
            file.extensions.insert(self.clone());
        }
    }
}

/// `scan` with a source that has not run yet; none if `scan` is not one of ours, or has a filter that
/// an operator above changes while it runs.
///
/// # Errors
/// What DataFusion says of the columns that it reads; nothing, as it has planned them before.
pub fn renew(scan: &DataSourceExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(config) = scan.data_source().downcast_ref::<FileScanConfig>() else {
        return Ok(None);
    };
    let mut files = config.file_groups.iter().flat_map(FileGroup::iter);
    let Some(recipe) = files.find_map(|file| file.extensions.get::<Recipe>()) else {
        return Ok(None);
    };
    let planned = &config.file_source;
    let mut source = recipe.source();
    if let Some(filter) = planned.filter() {
        if filter.exists(|part| Ok(part.is::<DynamicFilterPhysicalExpr>()))? {
            return Ok(None);
        }
        let Some(parquet) = source.downcast_ref::<ParquetSource>() else {
            return Ok(None);
        };
        source = Arc::new(parquet.with_predicate(filter));
    }
    if let Some(projection) = planned.projection() {
        let Some(projected) = source.try_pushdown_projection(projection)? else {
            return Ok(None);
        };
        source = projected;
    }
    let config = FileScanConfigBuilder::from(config.clone()).with_source(source);
    Ok(Some(DataSourceExec::from_data_source(config.build())))
}
