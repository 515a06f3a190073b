//! From text to what can be run.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::format::ExplainFormat;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::logical_plan::ExplainOption;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use crate::moment::Reuse;
use crate::planner::{Against, Planned, Planner};
use crate::statement::{Explain, SetStatement, Show};
use crate::{Error, Parsed, Result, Statement, wire};

/// A statement, ready to run.
#[derive(Debug)]
pub enum Prepared {
    /// Gives rows and changes nothing.
    Query(Box<Planned>),
    /// Changes the session or the catalog when it runs, once.
    Command,
    /// `SHOW QUERIES`: the server's.
    ShowQueries,
    /// `KILL id`: the server's.
    Kill(String),
}

impl Planner {
    /// Plans a statement that gives rows, or recognises one that changes something.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub async fn prepare(
        &self,
        parsed: &Parsed,
        against: Against<'_>,
        types: Option<&[DataType]>,
    ) -> Result<Prepared> {
        let planned = match &parsed.statement {
            Statement::Query(query) => self.query(query, &parsed.text, against, types).await?,
            Statement::Explain(explain) => self.explain(explain, parsed, against, types).await?,
            Statement::Show(Show::Queries) => return Ok(Prepared::ShowQueries),
            Statement::Show(show) => self.show(show, against).await?,
            Statement::Set(SetStatement::Show(key)) => {
                let show = Show::Setting(Some(key.clone()));
                self.show(&show, against).await?
            }
            Statement::Set(SetStatement::All) => self.show(&Show::Setting(None), against).await?,
            Statement::Describe(describe) => self.describe(describe, &parsed.text, against).await?,
            Statement::Kill(id) => return Ok(Prepared::Kill(id.clone())),
            _ => {
                refuse_parameters(parsed, types)?;
                return Ok(Prepared::Command);
            }
        };
        Ok(Prepared::Query(Box::new(planned)))
    }

    async fn explain(
        &self,
        explain: &Explain,
        parsed: &Parsed,
        against: Against<'_>,
        types: Option<&[DataType]>,
    ) -> Result<Planned> {
        let planned = self
            .query(&explain.query, &parsed.text, against, types)
            .await?;
        let format = explain.format.as_deref().map(str::parse::<ExplainFormat>);
        let option = ExplainOption::default()
            .with_verbose(explain.verbose)
            .with_analyze(explain.analyze)
            .with_format(format.transpose()?.unwrap_or(ExplainFormat::Indent));
        let plan = LogicalPlanBuilder::from(planned.plan)
            .explain_option_format(option)?
            .build()?;
        Ok(Planned {
            columns: columns_of(&plan),
            plan,
            reuse: Reuse::Never,
            ..planned
        })
    }
}

fn columns_of(plan: &LogicalPlan) -> datafusion::arrow::datatypes::SchemaRef {
    let fields = plan.schema().fields();
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    wire::schema(&names, fields.iter().map(|field| field.data_type()))
}

fn refuse_parameters(parsed: &Parsed, types: Option<&[DataType]>) -> Result<()> {
    let bound = types.map_or(0, <[_]>::len);
    if parsed.text.parameters > 0 || bound > 0 {
        return Err(Error::Unsupported {
            what: "a parameter in a statement that is not a query".to_owned(),
            position: None,
        });
    }
    Ok(())
}

impl Parsed {
    /// Number of parameters in the text.
    pub fn parameters(&self) -> usize {
        self.text.parameters
    }
}

/// A plan that gives these rows. Columns are text, BIGINT or DOUBLE.
///
/// # Errors
/// Never for rows as long as the columns.
pub fn rows(columns: &[(&str, DataType)], rows: &[Vec<Option<String>>]) -> Result<Planned> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, data_type)| Field::new(*name, data_type.clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns
        .iter()
        .enumerate()
        .map(|(at, (_, data_type))| -> ArrayRef {
            let cells = rows
                .iter()
                .map(|row| row.get(at).and_then(Option::as_deref));
            match data_type {
                DataType::Int64 => {
                    let numbers = cells.map(|cell| cell.and_then(|cell| cell.parse().ok()));
                    Arc::new(numbers.collect::<Int64Array>())
                }
                DataType::Float64 => {
                    let numbers = cells.map(|cell| cell.and_then(|cell| cell.parse().ok()));
                    Arc::new(numbers.collect::<Float64Array>())
                }
                _ => Arc::new(cells.collect::<StringArray>()),
            }
        });
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays.collect())
        .map_err(datafusion::common::DataFusionError::from)?;
    let table = MemTable::try_new(Arc::clone(&schema), vec![vec![batch]])?;
    let source = provider_as_source(Arc::new(table));
    let plan = LogicalPlanBuilder::scan("rows", source, None)?.build()?;
    Ok(Planned {
        plan,
        columns: schema,
        parameters: Vec::new(),
        reuse: Reuse::Never,
        reads: None,
    })
}
