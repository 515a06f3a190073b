//! One level: the plan of one text, with stubs where it reads relations.
//!
//! ```text
//! view c: SELECT .. FROM b JOIN t        level of c:  Projection
//!                                                       Join
//!                                                         stub b, stub t
//! ```
//!
//! A stub shows the columns that the catalog stores, so a level is planned and analysed from the
//! catalog alone, once, in the dialect, scope and settings of its own text. [`crate::expand`] then
//! puts the levels together.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::logical_expr::{LogicalPlan, TableSource, TableType};
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use mica_catalog::{Relation, RelationName, fold};
use sqlparser::ast::{Query, Statement as SqlStatement};

use crate::aliases;
use crate::casts::{self, Casts};
use crate::context::{Context, options, parser_options};
use crate::functions::{check_overflow, null_overflow, spark_casts};
use crate::naming::{self, Named};
use crate::{Dialect, Result, Scope, StatementText, passes, rewrite, rollups, spelling};

/// What a text reads, where it names it.
pub(crate) type Sources = HashMap<TableReference, Arc<Source>>;

/// A relation as the text of a level sees it: its columns, folded.
#[derive(Debug)]
pub(crate) struct Source {
    /// The relation with the columns that the catalog stores.
    pub(crate) relation: Relation,
    schema: SchemaRef,
}

impl Source {
    pub(crate) fn new(relation: Relation) -> Arc<Self> {
        let schema = folded(&relation.body.columns);
        Arc::new(Self { relation, schema })
    }

    pub(crate) fn name(&self) -> &RelationName {
        &self.relation.name
    }
}

/// `columns` with folded names, nullable, without comments.
pub(crate) fn folded(columns: &Schema) -> SchemaRef {
    let fields = columns
        .fields()
        .iter()
        .map(|field| Field::new(fold(field.name()), field.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl TableSource for Source {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }
}

/// The plan of one text, analysed, with [`Source`] stubs as leaves.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) plan: LogicalPlan,
    /// The output's column names, as they are to be spelled.
    pub(crate) names: Vec<String>,
    /// Nodes of the plan, stubs included.
    pub(crate) nodes: u64,
}

/// A level before analysis: what parameters are inferred from.
pub(crate) struct RawLevel {
    pub(crate) plan: LogicalPlan,
    names: Vec<String>,
    scope: Scope,
}

/// Plans `query`, whose relations are `sources`. `parameters` are the types of `$1..$n`, where known.
pub(crate) fn plan(
    query: &Query,
    text: &StatementText,
    scope: &Scope,
    sources: &Sources,
    parameters: Vec<Option<FieldRef>>,
) -> Result<RawLevel> {
    let attempt = |query: &Query| {
        let plan = |named, casts| unchecked(query, text, scope, sources, &parameters, named, casts);
        match plan(Named::Needed, Casts::Plain) {
            Err(error) if casts::is_refused(&error) => plan(Named::All, Casts::Told),
            Ok(plain) if casts::has_twins(&plain)? => plan(Named::Needed, Casts::Told),
            outcome => outcome,
        }
    };
    let plan = match attempt(query) {
        Err(error) if aliases::may_help(&error) => match aliases::replaced(query) {
            // What is missing is told of the text as it stands.
            Some(other) => attempt(&other).map_err(|_| error),
            None => Err(error),
        },
        outcome => outcome,
    }?;
    let plan = passes::run(plan, scope.dialect)?;
    let names = spelling::output_names(query, text, &plan, sources, scope.dialect);
    Ok(RawLevel {
        plan,
        names,
        scope: scope.clone(),
    })
}

fn unchecked(
    query: &Query,
    text: &StatementText,
    scope: &Scope,
    sources: &Sources,
    parameters: &[Option<FieldRef>],
    named: Named,
    casts: Casts,
) -> datafusion::common::Result<LogicalPlan> {
    let mut rewritten = query.clone();
    naming::name_columns(&mut rewritten, text, scope.dialect, named);
    rewrite::query(&mut rewritten, text, scope);
    if casts == Casts::Told {
        casts::tell(&mut rewritten);
    }
    let tables = sources
        .iter()
        .map(|(name, source)| {
            let source: Arc<dyn TableSource> = Arc::clone(source) as _;
            (name.clone(), source)
        })
        .collect();
    let context = Context::new(scope, options(scope), &tables);
    let planner = SqlToRel::new_with_options(&context, parser_options(scope));
    let mut planner_context =
        PlannerContext::new().with_prepare_param_data_types(parameters.to_vec());
    let statement = SqlStatement::Query(Box::new(rewritten));
    let plan = planner.sql_statement_to_plan_with_context(statement, &mut planner_context)?;
    match casts {
        Casts::Plain => Ok(plan),
        Casts::Told => casts::untell(plan),
    }
}

impl RawLevel {
    /// Coerces types and checks the plan.
    pub(crate) fn analyse(self) -> Result<Level> {
        let options = options(&self.scope);
        let analyzer = Analyzer::new();
        let plan = analyzer.execute_and_check(self.plan, &options, |_, _| {})?;
        let plan = rollups::hide_keys(plan)?;
        let is_ansi = options.execution.enable_ansi_mode;
        let plan = match self.scope.dialect {
            Dialect::Spark => spark_casts(plan, !is_ansi)?,
            Dialect::Ansi => plan,
        };
        let plan = match (self.scope.dialect, is_ansi) {
            // As Spark does unless told otherwise.
            (Dialect::Spark, false) => null_overflow(plan)?,
            _ => check_overflow(plan)?,
        };
        Ok(Level {
            nodes: passes::count_nodes(&plan)?,
            plan,
            names: self.names,
        })
    }
}
