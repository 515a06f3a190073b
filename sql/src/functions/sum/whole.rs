//! Sums of whole numbers in 128 bits, which hold them whatever comes first.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray,
};
use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Int64Type, UInt64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::NullState;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::{
    filtered_null_mask, set_nulls,
};

/// The type of the sums.
pub(super) const WIDE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

/// The sum of one group of numbers of the type `of`.
pub(super) fn one(of: &DataType) -> Box<dyn Accumulator> {
    match of {
        DataType::UInt64 => Box::new(One::<UInt64Type>::new()),
        _ => Box::new(One::<Int64Type>::new()),
    }
}

/// The sums of many groups.
pub(super) fn groups(of: &DataType) -> Box<dyn GroupsAccumulator> {
    match of {
        DataType::UInt64 => Box::new(Many::<UInt64Type>::new()),
        _ => Box::new(Many::<Int64Type>::new()),
    }
}

/// A type of whole numbers.
trait Whole: ArrowPrimitiveType<Native: Into<i128>> + Debug + Send + Sync {}

impl Whole for Int64Type {}
impl Whole for UInt64Type {}

#[derive(Debug)]
struct One<T> {
    /// Until a value comes, it is NULL.
    sum: Option<i128>,
    of: PhantomData<T>,
}

impl<T> One<T> {
    fn new() -> Self {
        Self {
            sum: None,
            of: PhantomData,
        }
    }

    fn add<S: ArrowPrimitiveType<Native: Into<i128>>>(&mut self, values: &PrimitiveArray<S>) {
        if values.null_count() == values.len() {
            return;
        }
        let more: i128 = match values.nulls() {
            None => values.values().iter().map(|value| (*value).into()).sum(),
            Some(_) => values.iter().flatten().map(Into::into).sum(),
        };
        *self.sum.get_or_insert(0) += more;
    }
}

impl<T: Whole> Accumulator for One<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values
            .iter()
            .for_each(|values| self.add(values.as_primitive::<T>()));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Decimal128(
            self.sum,
            DECIMAL128_MAX_PRECISION,
            0,
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sums = states
            .iter()
            .map(|sums| sums.as_primitive::<Decimal128Type>());
        sums.for_each(|sums| self.add(sums));
        Ok(())
    }
}

#[derive(Debug)]
struct Many<T> {
    sums: Vec<i128>,
    nulls: NullState,
    of: PhantomData<T>,
}

impl<T: Whole> Many<T> {
    fn new() -> Self {
        Self {
            sums: Vec::new(),
            nulls: NullState::new(),
            of: PhantomData,
        }
    }

    fn add<S: ArrowPrimitiveType<Native: Into<i128>> + Send>(
        &mut self,
        values: &PrimitiveArray<S>,
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) {
        self.sums.resize(total_num_groups, 0);
        let sums = &mut self.sums;
        self.nulls.accumulate(
            group_indices,
            values,
            filter,
            total_num_groups,
            |group, value| sums[group] += value.into(),
        );
    }
}

fn wide(sums: Decimal128Array) -> ArrayRef {
    Arc::new(sums.with_data_type(WIDE))
}

impl<T: Whole> GroupsAccumulator for Many<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let values = values[0].as_primitive::<T>();
        self.add(values, group_indices, filter, total_num_groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let nulls = self.nulls.build(emit_to);
        Ok(wide(Decimal128Array::new(sums.into(), nulls)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let sums = states[0].as_primitive::<Decimal128Type>();
        self.add(sums, group_indices, None, total_num_groups);
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let nulls = filtered_null_mask(filter, values);
        let sums: Decimal128Array = values.unary(Into::into);
        Ok(vec![wide(set_nulls(sums, nulls))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.nulls.size()
    }
}
