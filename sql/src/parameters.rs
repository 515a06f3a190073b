//! Parameters of a statement: the types that its text gives them, and their values.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{Expr, LogicalPlan};
use sqlparser::ast::{Expr as SqlExpr, Fetch, LimitClause, Query, Value, Visit, Visitor};

use crate::level::{self, Level, Sources};
use crate::moment::Reuse;
use crate::planner::Planned;
use crate::{Error, Result, Scope, StatementText};

/// What a parameter may be that nothing in the text tells about, in the order in which they are
/// tried: text is what drivers can always bind; arithmetic wants numbers.
const UNTOLD: [DataType; 3] = [DataType::Utf8, DataType::Int64, DataType::Float64];

/// A parameter of a statement.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// `$n`, nullable, of a concrete type.
    pub field: FieldRef,
    /// Whether the text gives it that type. One that it does not may be bound as anything.
    pub told: bool,
}

/// What binding values to a plan gives.
#[derive(Debug)]
pub enum Bound {
    /// The query with the values in it.
    Query(Box<Planned>),
    /// The types of the values, which the plan's parameters cannot hold: it is to be planned with
    /// parameters of these, and bound again.
    Types(Vec<DataType>),
}

/// Plans one text, whose parameters stay in the plan, each of a type: those of `types`, else the one
/// that the text gives it, else one of [`UNTOLD`].
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn plan_level(
    query: &Query,
    text: &StatementText,
    scope: &Scope,
    sources: &Sources,
    types: Option<&[DataType]>,
) -> Result<(Level, Vec<Parameter>)> {
    let plan = |types| level::plan(query, text, scope, sources, types);
    if text.parameters == 0 {
        return Ok((plan(Vec::new())?.analyse()?, Vec::new()));
    }
    let known = match types {
        Some(types) => types.iter().cloned().map(Some).collect(),
        None => inferred(query, text.parameters, plan)?,
    };
    advertised(&known, plan)
}

impl Planned {
    /// Puts `values` in the place of the parameters. A value that its parameter's type cannot hold as
    /// it is, such as 1.5 for an integer, is not bent: it changes what the text means.
    ///
    /// # Errors
    /// [`Error::Parameters`] for too few or too many; a text that is no value of its parameter's type.
    pub fn bind(&self, values: &[ScalarValue]) -> Result<Bound> {
        if values.len() != self.parameters.len() {
            return Err(Error::Parameters {
                expected: self.parameters.len(),
                found: values.len(),
            });
        }
        let pairs = || self.parameters.iter().zip(values);
        let fitted = pairs()
            .map(|(parameter, value)| fitted(parameter, value))
            .collect::<Result<Vec<Option<ScalarValue>>>>()?;
        let Some(typed) = fitted.iter().cloned().collect::<Option<Vec<_>>>() else {
            let types = pairs().zip(fitted).map(|((_, value), fitted)| {
                fitted.map_or_else(|| value.data_type(), |fitted| fitted.data_type())
            });
            return Ok(Bound::Types(types.collect()));
        };
        let plan = self.plan.clone();
        let plan = plan.with_param_values(ParamValues::from(typed))?;
        Ok(Bound::Query(Box::new(Self {
            reuse: Reuse::of(&plan)?,
            plan,
            columns: Arc::clone(&self.columns),
            parameters: Vec::new(),
            reads: self.reads.clone(),
        })))
    }
}

/// `value` in the type of its parameter, if that loses nothing. Texts are what drivers send that know
/// no types: they are read as values of the type.
fn fitted(parameter: &Parameter, value: &ScalarValue) -> Result<Option<ScalarValue>> {
    let (from, to) = (value.data_type(), parameter.field.data_type());
    if from == *to || from == DataType::Null {
        return Ok(Some(value.cast_to(to)?));
    }
    if !parameter.told {
        return Ok(None);
    }
    if from.is_string() {
        return Ok(Some(value.cast_to(to)?));
    }
    // 4.0 is no more an integer than 4.5 is: what `n / ?` gives must not depend on the digits.
    let is_fraction = from.is_floating() || matches!(from, DataType::Decimal128(_, 1..));
    if is_fraction && to.is_integer() {
        return Ok(None);
    }
    let there = value.cast_to(to).ok();
    Ok(there.filter(|there| there.cast_to(&from).is_ok_and(|back| back == *value)))
}

/// The types that the text gives its parameters, where it does.
fn inferred(
    query: &Query,
    parameters: usize,
    plan: impl Fn(Vec<Option<FieldRef>>) -> Result<level::RawLevel>,
) -> Result<Vec<Option<DataType>>> {
    let counts = counts(query);
    let mut types: Vec<Option<DataType>> = (1..=parameters)
        .map(|number| {
            counts
                .contains(&format!("${number}"))
                .then_some(DataType::Int64)
        })
        .collect();
    let known = types.iter().map(|known| known.clone().map(field)).collect();
    // `$1 + $2` cannot be planned without types; then nothing is known of the others either.
    let Ok(level) = plan(known) else {
        return Ok(types);
    };
    let told = told(&level.plan)?;
    for (at, known) in types.iter_mut().enumerate() {
        if known.is_none() {
            *known = told.get(&format!("${}", at + 1)).cloned();
        }
    }
    Ok(types)
}

/// What the plan says of its parameters. One that is compared with several types gets the one that
/// all of them can be compared as.
fn told(plan: &LogicalPlan) -> Result<BTreeMap<String, DataType>> {
    let mut types: BTreeMap<String, DataType> = BTreeMap::new();
    let mut add = |expr: &Expr, wanted: Option<&DataType>| {
        if let Expr::Placeholder(parameter) = expr
            && let Some(told) = parameter.field.as_ref().map(|f| f.data_type()).or(wanted)
            && told != &DataType::Null
        {
            let known = types
                .entry(parameter.id.clone())
                .or_insert_with(|| told.clone());
            if let Some(both) = comparison_coercion(known, told) {
                *known = both;
            }
        }
    };
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Filter(filter) = node {
            add(&filter.predicate, Some(&DataType::Boolean));
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                each_operand(expr, &mut add);
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(types)
}

/// Calls `add` with `expr`, and with its operands where `expr` wants a type that DataFusion does not
/// tell them.
fn each_operand(expr: &Expr, add: &mut impl FnMut(&Expr, Option<&DataType>)) {
    match expr {
        Expr::Placeholder(_) => add(expr, None),
        Expr::Cast(cast) => add(&cast.expr, Some(cast.field.data_type())),
        Expr::TryCast(cast) => add(&cast.expr, Some(cast.field.data_type())),
        Expr::Not(operand) => add(operand, Some(&DataType::Boolean)),
        Expr::Case(case) if case.expr.is_none() => {
            for (when, _) in &case.when_then_expr {
                add(when, Some(&DataType::Boolean));
            }
        }
        _ => {}
    }
}

/// The parameters that count rows: those in `LIMIT`, `OFFSET` and `FETCH`.
fn counts(query: &Query) -> HashSet<String> {
    struct Counts(HashSet<String>);
    impl Visitor for Counts {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let (limit, offset) = match &query.limit_clause {
                Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                    (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
                }
                Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                    (Some(limit), Some(offset))
                }
                None => (None, None),
            };
            let fetch = query.fetch.as_ref();
            let fetch = fetch.and_then(|Fetch { quantity, .. }| quantity.as_ref());
            for expr in [limit, offset, fetch].into_iter().flatten() {
                if let SqlExpr::Value(value) = expr
                    && let Value::Placeholder(id) = &value.value
                {
                    self.0.insert(id.clone());
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut counts = Counts(HashSet::new());
    let _ = query.visit(&mut counts);
    counts.0
}

/// The level with a concrete type for each parameter, and the parameters as clients see them.
fn advertised(
    inferred: &[Option<DataType>],
    plan: impl Fn(Vec<Option<FieldRef>>) -> Result<level::RawLevel>,
) -> Result<(Level, Vec<Parameter>)> {
    let mut first_error = None;
    for untold in UNTOLD {
        let of = |(at, known): (usize, &Option<DataType>)| {
            let data_type = known.clone().unwrap_or_else(|| untold.clone());
            Arc::new(Field::new(format!("${}", at + 1), data_type, true))
        };
        let fields: Vec<FieldRef> = inferred.iter().enumerate().map(of).collect();
        let types = fields.iter().cloned().map(Some).collect();
        match plan(types).and_then(level::RawLevel::analyse) {
            Ok(level) => {
                let told = inferred.iter().map(Option::is_some);
                let parameters = fields.into_iter().zip(told);
                let parameters = parameters.map(|(field, told)| Parameter { field, told });
                return Ok((level, parameters.collect()));
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
        if inferred.iter().all(Option::is_some) {
            break;
        }
    }
    Err(first_error.unwrap_or(Error::Empty))
}

fn field(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("", data_type, true))
}
