//! Puts levels together: stubs become tables, or the plans of the views that they stand for.
//!
//! Each view is planned once per statement however often it is read. Its plan is shared at every
//! use, but DataFusion copies it there when it optimises: the nodes of the whole tree are counted
//! and limited before anything is put together.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::logical_plan::SubqueryAlias;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use mica_catalog::{Definition, RelationName, SchemaMode, View, fold};

use crate::level::{Level, Source};
use crate::{Error, Limits, Result, types};

/// What a stub is replaced with.
pub(crate) enum Expanded {
    Table(Arc<dyn TableSource>),
    View(Arc<LogicalPlan>),
}

/// Plans of relations, ready to stand where stubs do.
pub(crate) struct Expansion<'a> {
    limits: &'a Limits,
    expanded: HashMap<RelationName, (Expanded, u64)>,
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            expanded: HashMap::new(),
        }
    }

    pub(crate) fn add_table(&mut self, name: &RelationName, source: Arc<dyn TableSource>) {
        let table = (Expanded::Table(source), 1);
        self.expanded.insert(name.clone(), table);
    }

    /// Adds a view whose relations have been added before.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::SchemaChanged`].
    pub(crate) fn add_view(&mut self, source: &Source, level: &Level) -> Result<()> {
        let nodes = self.check_nodes(level)?;
        let plan = self.replace_stubs(level.plan.clone())?;
        let plan = conform(plan, &level.names, source)?;
        let view = (Expanded::View(Arc::new(plan)), nodes);
        self.expanded.insert(source.name().clone(), view);
        Ok(())
    }

    /// The plan of a level with everything below it.
    ///
    /// # Errors
    /// [`Error::Limit`].
    pub(crate) fn expand(&self, level: &Level) -> Result<LogicalPlan> {
        self.check_nodes(level)?;
        self.replace_stubs(level.plan.clone())
    }

    /// The nodes of the whole tree, each use of a view counted.
    fn check_nodes(&self, level: &Level) -> Result<u64> {
        let mut nodes = level.nodes;
        level.plan.apply_with_subqueries(|node| {
            if let Some(source) = stub(node) {
                let below = self
                    .expanded
                    .get(source.name())
                    .map_or(0, |(_, nodes)| *nodes);
                nodes = nodes.saturating_add(below);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if nodes > self.limits.plan_nodes_max {
            return Err(Error::Limit {
                what: format!("the plan, whose views expand to {nodes} nodes,"),
                limit: self.limits.plan_nodes_max,
                flag: "--max-plan-nodes",
            });
        }
        Ok(nodes)
    }

    fn replace_stubs(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let replaced = plan.transform_up_with_subqueries(|node| {
            let Some(source) = stub(&node) else {
                return Ok(Transformed::no(node));
            };
            let LogicalPlan::TableScan(scan) = &node else {
                return Ok(Transformed::no(node));
            };
            let name = scan.table_name.clone();
            let plan = match self.expanded.get(source.name()) {
                Some((Expanded::Table(table), _)) => {
                    LogicalPlanBuilder::scan(name, Arc::clone(table), None)?.build()?
                }
                Some((Expanded::View(plan), _)) => {
                    LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::clone(plan), name)?)
                }
                None => return datafusion::common::internal_err!("'{name}' was not loaded"),
            };
            Ok(Transformed::yes(plan))
        })?;
        Ok(replaced.data)
    }
}

fn stub(node: &LogicalPlan) -> Option<&Source> {
    match node {
        LogicalPlan::TableScan(scan) => scan.source.downcast_ref::<Source>(),
        _ => None,
    }
}

/// `plan`, whose columns are called `names`, with exactly those that the view promises: by name, or
/// by position where the view's head names them; cast where that loses nothing.
fn conform(plan: LogicalPlan, names: &[String], source: &Source) -> Result<LogicalPlan> {
    let (name, body) = (source.name(), &source.relation.body);
    let Definition::View(view) = &body.definition else {
        return Ok(plan);
    };
    let given = plan.schema();
    let promised = body.columns.fields();
    let mut same = given.fields().len() == promised.len();
    let mut exprs = Vec::with_capacity(promised.len());
    for (at, promised) in promised.iter().enumerate() {
        let changed = |problem: String| Error::SchemaChanged {
            view: name.clone(),
            column: promised.name().clone(),
            problem,
        };
        let Some(found) = place(names, view, at, promised) else {
            return Err(changed("which its query no longer has".to_owned()));
        };
        let (qualifier, field) = given.qualified_field(found);
        check_type(view, field.data_type(), promised.data_type()).map_err(changed)?;
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let folded = fold(promised.name());
        let same_type = field.data_type() == promised.data_type();
        same &= found == at && same_type && *field.name() == folded;
        exprs.push(match same_type {
            true => column.alias(folded),
            false => {
                let cast = Cast::new(Box::new(column), promised.data_type().clone());
                Expr::Cast(cast).alias(folded)
            }
        });
    }
    if same {
        return Ok(plan);
    }
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}

/// Where a query with columns called `names` gives the promised column that stands at `at`.
fn place(names: &[String], view: &View, at: usize, promised: &Field) -> Option<usize> {
    if view.columns_named {
        return (at < names.len()).then_some(at);
    }
    let folded = fold(promised.name());
    names.iter().position(|name| fold(name) == folded)
}

/// Refuses, with the reason, a column of type `from` for one that is promised as `to`.
fn check_type(view: &View, from: &DataType, to: &DataType) -> Result<(), String> {
    let strict = view.schema_mode == SchemaMode::Binding;
    if from == to || (!strict && is_lossless(from, to)) {
        return Ok(());
    }
    let (from, to) = (types::sql_name(from), types::sql_name(to));
    Err(format!("as {to}, but its query gives {from}"))
}

/// Whether every value of `from` is a value of `to`.
pub(crate) fn is_lossless(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Decimal128, Float32, Float64, Null, Timestamp, Utf8};
    if crate::wire::column_type(from) == *to {
        return true;
    }
    match (from, to) {
        (Null, _) => true,
        (Float32, Float64) | (Date32, Timestamp(..)) => true,
        (Decimal128(p1, s1), Decimal128(p2, s2)) => {
            s2 >= s1 && i16::from(*p2) - i16::from(*s2) >= i16::from(*p1) - i16::from(*s1)
        }
        (from, Decimal128(precision, scale)) if from.is_integer() => integer_digits(from)
            .is_some_and(|digits| i16::from(*precision) - i16::from(*scale) >= digits),
        (from, Float64) if from.is_integer() => integer_digits(from).is_some_and(|d| d <= 10),
        (from, to) if from.is_integer() && to.is_integer() => {
            match (integer_digits(from), integer_digits(to)) {
                (Some(from_digits), Some(to_digits)) => {
                    from_digits < to_digits || from_digits == to_digits && from == to
                }
                _ => false,
            }
        }
        // The same moments, whatever the zone that they are shown in.
        (Timestamp(_, zone), Timestamp(_, to_zone)) => zone.is_some() == to_zone.is_some(),
        (from, Utf8) => !from.is_nested() && !matches!(from, DataType::Binary),
        _ => false,
    }
}

fn integer_digits(data_type: &DataType) -> Option<i16> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        DataType::UInt64 => 20,
        _ => return None,
    })
}
