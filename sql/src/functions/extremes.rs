//! `min` and `max` of floats, with NaN above every number, as it sorts, as in PostgreSQL and Spark.
//!
//! DataFusion's go by the order of rows where they are grouped (a NaN replaces what was there, and
//! is replaced by what follows), and by the statistics of files, from which writers leave NaN out.

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, FieldRef, Float32Type, Float64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, StatisticsArgs,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use super::stand_in::left_to_inner;

/// `min` and `max`, under DataFusion's names: its optimizer knows them by these.
pub(crate) fn all() -> [Arc<AggregateUDF>; 2] {
    [(min_udaf(), false), (max_udaf(), true)].map(|(inner, is_max)| {
        let extreme = Extreme { inner, is_max };
        Arc::new(AggregateUDF::new_from_impl(extreme))
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    inner: Arc<AggregateUDF>,
    is_max: bool,
}

impl Extreme {
    fn inner(&self) -> &dyn AggregateUDFImpl {
        &**self.inner.inner()
    }

    /// Extremes of groups. The first value of a group takes the place of `worst`.
    fn groups<T: ArrowPrimitiveType + Send>(
        &self,
        worst: [T::Native; 2],
    ) -> Box<dyn GroupsAccumulator>
    where
        T::Native: PartialOrd,
    {
        let [of_min, of_max] = worst;
        let data_type = &T::DATA_TYPE;
        match self.is_max {
            true => Box::new(
                PrimitiveGroupsAccumulator::<T, _>::new(data_type, |known, new| {
                    if is_less(*known, new) {
                        *known = new;
                    }
                })
                .with_starting_value(of_max),
            ),
            false => Box::new(
                PrimitiveGroupsAccumulator::<T, _>::new(data_type, |known, new| {
                    if is_less(new, *known) {
                        *known = new;
                    }
                })
                .with_starting_value(of_min),
            ),
        }
    }
}

/// Whether `a` is below `b`, where what does not equal itself is above all.
#[expect(clippy::eq_op, reason = "NaN alone does not equal itself")]
fn is_less<T: PartialOrd + Copy>(a: T, b: T) -> bool {
    a < b || (a == a && b != b)
}

impl AggregateUDFImpl for Extreme {
    left_to_inner!();

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner().accumulator(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        self.inner().create_sliding_accumulator(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(match args.return_type() {
            DataType::Float32 => self.groups::<Float32Type>([f32::NAN, f32::NEG_INFINITY]),
            DataType::Float64 => self.groups::<Float64Type>([f64::NAN, f64::NEG_INFINITY]),
            _ => return self.inner().create_groups_accumulator(args),
        })
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        match args.return_type.is_floating() {
            true => None,
            false => self.inner().value_from_stats(args),
        }
    }
}
