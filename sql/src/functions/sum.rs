//! `sum` of whole numbers and decimals that does not fit its type: an error, as SQL wants it.
//!
//! DataFusion's wraps around for BIGINT, and makes a 39th digit for DECIMAL(38). Here what could
//! overflow is added by [`Way`], and the sum is looked at when it is complete.

mod checked;
mod decimal;
mod way;
mod whole;

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::sum::{Sum, sum_udaf};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, GroupsAccumulator, Operator, StatisticsArgs,
};

use super::stand_in::left_to_inner;
pub(super) use checked::{Checked, CheckedGroups, Types};
use decimal::DecimalSum;
use way::Way;

/// What becomes of a sum that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Overflow {
    /// It is an error.
    Error,
    /// One of decimals is NULL, one of whole numbers wraps around: Spark's, but in ANSI mode.
    Null,
}

/// The `sum` that looks for an overflow, in place of DataFusion's.
pub(super) fn checked(function: &AggregateUDF, overflow: Overflow) -> Option<Arc<AggregateUDF>> {
    static ERROR: OnceLock<Arc<AggregateUDF>> = OnceLock::new();
    static NULL: OnceLock<Arc<AggregateUDF>> = OnceLock::new();
    let known = match overflow {
        Overflow::Error => &ERROR,
        Overflow::Null => &NULL,
    };
    let sum = sum_udaf();
    let make = || Arc::new(AggregateUDF::new_from_impl(CheckedSum { sum, overflow }));
    let is_sum = function.inner().downcast_ref::<Sum>().is_some();
    is_sum.then(|| Arc::clone(known.get_or_init(make)))
}

/// DataFusion's `sum`, under its name: its optimizer knows a sum by it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    sum: Arc<AggregateUDF>,
    overflow: Overflow,
}

impl CheckedSum {
    fn inner(&self) -> &dyn AggregateUDFImpl {
        &**self.sum.inner()
    }

    fn types(&self, way: Way, sum: &DataType) -> Types {
        Types {
            is_counted: matches!(way, Way::Counted { .. }),
            widened: match way {
                Way::Widened(wide) => Some(wide),
                Way::Whole | Way::Counted { .. } => None,
            },
            sum: sum.clone(),
            overflow: self.overflow,
        }
    }

    /// How sums of `values` are made; none if DataFusion's do.
    fn way(&self, values: &[FieldRef], sum: &DataType, widened: bool) -> Option<Way> {
        let is_whole = matches!(sum, DataType::Int64 | DataType::UInt64);
        match is_whole && self.overflow == Overflow::Null {
            true => None,
            false => Way::of(values, sum, widened),
        }
    }
}

/// The arguments as of a sum whose result is `wide`.
fn widened<'a>(args: &AccumulatorArgs<'a>, wide: &DataType) -> AccumulatorArgs<'a> {
    let mut args = args.clone();
    args.return_field = of_type(&args.return_field, wide);
    args
}

pub(super) fn of_type(field: &Field, data_type: &DataType) -> FieldRef {
    Arc::new(field.clone().with_data_type(data_type.clone()))
}

impl AggregateUDFImpl for CheckedSum {
    left_to_inner!();

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let return_field = match self.way(args.input_fields, args.return_type(), args.is_distinct) {
            Some(Way::Widened(wide)) => of_type(&args.return_field, &wide),
            Some(Way::Whole) => of_type(&args.return_field, &whole::WIDE),
            _ => Arc::clone(&args.return_field),
        };
        self.inner().state_fields(StateFieldsArgs {
            return_field,
            ..args
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let Some(way) = self.way(args.expr_fields, args.return_type(), args.is_distinct) else {
            return self.inner().accumulator(args);
        };
        let sum: Box<dyn Accumulator> = match &way {
            Way::Widened(wide) => self.inner().accumulator(widened(&args, wide))?,
            Way::Whole => whole::one(args.return_type()),
            Way::Counted { precision, scale } => Box::new(DecimalSum::new(*precision, *scale)),
        };
        Ok(Box::new(Checked {
            inner: sum,
            types: self.types(way, args.return_type()),
        }))
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        let Some(Way::Widened(wide)) = self.way(args.expr_fields, args.return_type(), true) else {
            return self.inner().create_sliding_accumulator(args);
        };
        if args.is_distinct {
            // DataFusion's slides over distinct values of BIGINT, and in that type alone.
            return self.inner().create_sliding_accumulator(args);
        }
        let sum = self
            .inner()
            .create_sliding_accumulator(widened(&args, &wide))?;
        let way = Way::Widened(wide);
        Ok(Box::new(Checked {
            inner: sum,
            types: self.types(way, args.return_type()),
        }))
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let Some(way) = self.way(args.expr_fields, args.return_type(), false) else {
            return self.inner().create_groups_accumulator(args);
        };
        let sums = match &way {
            Way::Widened(wide) => self
                .inner()
                .create_groups_accumulator(widened(&args, wide))?,
            Way::Whole => whole::groups(args.return_type()),
            Way::Counted { .. } => decimal::groups(args.return_type()),
        };
        Ok(Box::new(CheckedGroups {
            inner: sums,
            types: self.types(way, args.return_type()),
        }))
    }

    fn simplify_expr_op_literal(
        &self,
        call: &AggregateFunction,
        arg: &Expr,
        op: Operator,
        literal: &Expr,
        arg_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.inner()
            .simplify_expr_op_literal(call, arg, op, literal, arg_is_left)
    }

    // A source that knows the sum of a column may have let it wrap.
    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        match args.return_type {
            DataType::Float64 => self.inner().value_from_stats(args),
            _ => None,
        }
    }
}
