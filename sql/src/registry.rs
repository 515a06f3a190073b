//! The functions of each dialect.
//!
//! A function that differs between dialects has an internal name of its own, apart from the name it
//! is called by: plans travel between processes by name, and a plan may mix dialects.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use datafusion::catalog::TableFunction;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};

use crate::{Dialect, functions, spark_calls};

/// The functions that a dialect's names mean.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) scalar: HashMap<String, Arc<ScalarUDF>>,
    pub(crate) higher_order: HashMap<String, Arc<HigherOrderUDF>>,
    pub(crate) aggregate: HashMap<String, Arc<AggregateUDF>>,
    pub(crate) window: HashMap<String, Arc<WindowUDF>>,
    pub(crate) table: HashMap<String, Arc<TableFunction>>,
    pub(crate) planners: Vec<Arc<dyn ExprPlanner>>,
}

/// DataFusion's functions that Spark has under the same name with other answers: patterns of dates
/// are Java's there, arrays sort NULLs last, an element of a map is no list, and a logarithm is natural.
/// An error is better than a silent difference, until each is Spark's.
const UNLIKE_SPARK: [&str; 6] = [
    "array_sort",
    "date_format",
    "element_at",
    "from_unixtime",
    "log",
    "to_char",
];

impl Registry {
    /// The registry of a dialect; each is made once.
    pub(crate) fn of(dialect: Dialect) -> &'static Self {
        static ANSI: OnceLock<Registry> = OnceLock::new();
        static SPARK: OnceLock<Registry> = OnceLock::new();
        match dialect {
            Dialect::Ansi => ANSI.get_or_init(Self::ansi),
            Dialect::Spark => SPARK.get_or_init(Self::spark),
        }
    }

    fn ansi() -> Self {
        let mut registry = Self::datafusion();
        for function in functions::common() {
            registry.add_scalar(function);
        }
        for function in functions::extremes()
            .into_iter()
            .chain(functions::collected())
        {
            registry.add_aggregate(function);
        }
        registry.add_aggregate(functions::avg());
        let own: [Arc<dyn ExprPlanner>; 2] = [
            Arc::new(functions::NestedNames),
            Arc::new(functions::IntervalOperators),
        ];
        registry.planners.splice(0..0, own);
        registry
    }

    fn spark() -> Self {
        let mut registry = Self::ansi();
        // `avg` of a decimal keeps DataFusion's: datafusion-spark's returns a double.
        let avg = registry.aggregate.get("avg").cloned();
        for function in datafusion_spark::all_default_scalar_functions() {
            registry.add_scalar(function);
        }
        for function in datafusion_spark::all_default_aggregate_functions() {
            registry.add_aggregate(function);
        }
        for function in datafusion_spark::all_default_window_functions() {
            registry.window.insert(function.name().to_owned(), function);
        }
        if let Some(avg) = avg {
            registry.add_aggregate(avg);
        }
        // What `sort_array` is written with.
        if let Some(sort) = registry.scalar.get("array_sort").cloned() {
            registry.scalar.insert("mica_array_sort".to_owned(), sort);
        }
        for name in UNLIKE_SPARK {
            registry.scalar.remove(name);
        }
        for function in functions::spark_internal() {
            registry.add_scalar(function);
        }
        for (called, function) in functions::spark() {
            registry.scalar.insert(called.to_owned(), function);
        }
        let spark: [Arc<dyn ExprPlanner>; 2] = [
            Arc::new(functions::SparkOperators),
            Arc::new(datafusion_spark::planner::SparkFunctionPlanner),
        ];
        registry.planners.splice(0..0, spark);
        registry
    }

    fn datafusion() -> Self {
        let mut registry = Self {
            scalar: HashMap::new(),
            higher_order: HashMap::new(),
            aggregate: HashMap::new(),
            window: HashMap::new(),
            table: HashMap::new(),
            planners: SessionStateDefaults::default_expr_planners(),
        };
        for function in SessionStateDefaults::default_scalar_functions() {
            registry.add_scalar(function);
        }
        for function in SessionStateDefaults::default_higher_order_functions() {
            let name = function.name().to_owned();
            registry.higher_order.insert(name, function);
        }
        for function in SessionStateDefaults::default_aggregate_functions() {
            registry.add_aggregate(function);
        }
        for function in SessionStateDefaults::default_window_functions() {
            for alias in function.aliases() {
                registry.window.insert(alias.clone(), Arc::clone(&function));
            }
            registry.window.insert(function.name().to_owned(), function);
        }
        for function in SessionStateDefaults::default_table_functions() {
            registry.table.insert(function.name().to_owned(), function);
        }
        registry
    }

    fn add_scalar(&mut self, function: Arc<ScalarUDF>) {
        for alias in function.aliases() {
            self.scalar.insert(alias.clone(), Arc::clone(&function));
        }
        self.scalar.insert(function.name().to_owned(), function);
    }

    fn add_aggregate(&mut self, function: Arc<AggregateUDF>) {
        for alias in function.aliases() {
            self.aggregate.insert(alias.clone(), Arc::clone(&function));
        }
        self.aggregate.insert(function.name().to_owned(), function);
    }

    /// Whether a function is called so.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.scalar.contains_key(name)
            || self.aggregate.contains_key(name)
            || self.window.contains_key(name)
    }

    /// Names that can be called, sorted; internal ones are not listed.
    pub(crate) fn names(&self) -> Vec<&str> {
        let scalar = self.scalar.keys().chain(self.higher_order.keys());
        let all = scalar
            .chain(self.aggregate.keys())
            .chain(self.window.keys());
        let mut names: Vec<&str> = all
            .chain(self.table.keys())
            .map(String::as_str)
            .filter(|name| !name.starts_with(functions::INTERNAL_PREFIX))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Names of the functions that a dialect knows, sorted.
pub fn function_names(dialect: Dialect) -> Vec<&'static str> {
    let mut names = Registry::of(dialect).names();
    if dialect == Dialect::Spark {
        names.extend(spark_calls::names());
        names.sort_unstable();
        names.dedup();
    }
    names
}
