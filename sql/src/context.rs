//! What DataFusion's planner asks while it plans one text: names, functions, types, options.
//!
//! Built per view, so that each is planned in its own dialect, scope and settings.
//! `SessionState::statement_to_plan` is not used: it has one of each.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::catalog::TableFunctionArgs;
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, Result, TableReference, plan_err};
use datafusion::datasource::provider_as_source;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::planner::{NullOrdering, ParserOptions};

use crate::registry::Registry;
use crate::types::Types;
use crate::{Dialect, Scope, casts};

/// Options that no setting changes.
pub(crate) fn base_options() -> &'static ConfigOptions {
    static OPTIONS: OnceLock<ConfigOptions> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let mut options = ConfigOptions::new();
        // Types as clients know them, all the way: see the wire schema.
        options.sql_parser.map_string_types_to_utf8view = false;
        options.execution.parquet.schema_force_view_types = false;
        options.optimizer.expand_views_at_output = false;
        // Parquet of Spark and Hive: INT96 in microseconds.
        options.execution.parquet.coerce_int96 = Some("us".to_owned());
        options
    })
}

/// Table functions want a session; ours look at none, and this one knows nothing.
fn no_session() -> &'static SessionState {
    static SESSION: OnceLock<SessionState> = OnceLock::new();
    SESSION.get_or_init(|| SessionStateBuilder::new().build())
}

/// The options in which texts of `scope` are planned and run.
pub(crate) fn options(scope: &Scope) -> Arc<ConfigOptions> {
    let mut options = base_options().clone();
    mica_catalog::CATALOG.clone_into(&mut options.catalog.default_catalog);
    scope.schema.clone_into(&mut options.catalog.default_schema);
    options.execution.time_zone = Some(scope.settings.get("timezone").to_owned());
    options.execution.enable_ansi_mode = scope.settings.get("ansi_mode") == "true";
    Arc::new(options)
}

/// The options in which queries of a session run; texts are planned with the same.
pub fn execution_options(scope: &Scope) -> ConfigOptions {
    (*options(scope)).clone()
}

/// How literals and NULLs of `scope` are read.
pub(crate) fn parser_options(scope: &Scope) -> ParserOptions {
    let spark = scope.dialect == Dialect::Spark;
    let null_ordering = match (scope.settings.get("null_order"), spark) {
        ("high", _) | ("dialect", false) => NullOrdering::NullsMax,
        ("low", _) | ("dialect", true) => NullOrdering::NullsMin,
        ("first", _) => NullOrdering::NullsFirst,
        _ => NullOrdering::NullsLast,
    };
    ParserOptions::new()
        .with_parse_float_as_decimal(spark)
        .with_map_string_types_to_utf8view(false)
        .with_collect_spans(true)
        .with_default_null_ordering(null_ordering)
}

/// `range` and `generate_series` want timestamps as DataFusion's planner types them; ours have
/// microseconds.
fn in_nanoseconds(arg: Expr) -> Result<Expr> {
    match arg {
        Expr::Literal(value, metadata) => match value.data_type() {
            DataType::Timestamp(_, zone) => {
                let moment = value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, zone))?;
                Ok(Expr::Literal(moment, metadata))
            }
            _ => Ok(Expr::Literal(value, metadata)),
        },
        arg => Ok(arg),
    }
}

/// The context of one text.
pub(crate) struct Context<'a> {
    registry: &'static Registry,
    types: Arc<dyn TypePlanner>,
    options: Arc<ConfigOptions>,
    sources: &'a HashMap<TableReference, Arc<dyn TableSource>>,
}

impl<'a> Context<'a> {
    /// A context in which the names in `sources`, as they stand in the text, are known.
    pub(crate) fn new(
        scope: &Scope,
        options: Arc<ConfigOptions>,
        sources: &'a HashMap<TableReference, Arc<dyn TableSource>>,
    ) -> Self {
        Self {
            registry: Registry::of(scope.dialect),
            types: Arc::new(Types {
                dialect: scope.dialect,
                zone: Arc::from(scope.settings.get("timezone")),
            }),
            options,
            sources,
        }
    }
}

impl ContextProvider for Context<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        match self.sources.get(&name) {
            Some(source) => Ok(Arc::clone(source)),
            None => plan_err!("relation '{name}' does not exist"),
        }
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> Result<Arc<dyn TableSource>> {
        // Only those whose arguments are literals; none reads files.
        let Some(function) = self.registry.table.get(&name.to_lowercase()) else {
            return plan_err!("table function '{name}' does not exist");
        };
        let context = SimplifyContext::builder()
            .with_config_options(Arc::clone(&self.options))
            .build();
        let simplifier = ExprSimplifier::new(context);
        let literal = |arg: Expr| {
            let typed = simplifier.coerce(arg, &DFSchema::empty())?;
            in_nanoseconds(simplifier.simplify(typed)?)
        };
        let args: Vec<Expr> = args.into_iter().map(literal).collect::<Result<_>>()?;
        let args = TableFunctionArgs::new(&args, no_session());
        let provider = function.create_table_provider_with_args(args)?;
        Ok(provider_as_source(provider))
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(
            name, schema,
        ))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.registry.planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::clone(&self.types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        if name == casts::TOLD {
            return Some(casts::function());
        }
        let function = self.registry.scalar.get(name)?;
        // `now()` and its kin are bound to the settings of this text when it is planned.
        match function.inner().with_updated_config(&self.options) {
            Some(bound) => Some(Arc::new(bound)),
            None => Some(Arc::clone(function)),
        }
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.registry.higher_order.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.registry.aggregate.get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.registry.window.get(name).cloned()
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.registry.scalar.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.registry.higher_order.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.registry.aggregate.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.registry.window.keys().cloned().collect()
    }
}
