//! Sums of long decimals in their own 128 bits, which are cheaper than twice as many. One that has
//! overflown stays so, whatever is added to it.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

/// What has overflown: more digits than a DECIMAL has, so that no sum is this.
const OVERFLOWN: i128 = i128::MIN;

fn add(sum: &mut i128, value: i128) {
    *sum = match (*sum, value) {
        (OVERFLOWN, _) | (_, OVERFLOWN) => OVERFLOWN,
        (sum, value) => sum.checked_add(value).unwrap_or(OVERFLOWN),
    };
}

/// Sums of many groups, with the type `data_type`.
pub(super) fn groups(data_type: &DataType) -> Box<dyn GroupsAccumulator> {
    Box::new(PrimitiveGroupsAccumulator::<Decimal128Type, _>::new(
        data_type, add,
    ))
}

/// The sum of one group.
#[derive(Debug)]
pub(super) struct DecimalSum {
    /// Until a value comes, it is NULL.
    sum: Option<i128>,
    precision: u8,
    scale: i8,
}

impl DecimalSum {
    pub(super) fn new(precision: u8, scale: i8) -> Self {
        Self {
            sum: None,
            precision,
            scale,
        }
    }
}

impl Accumulator for DecimalSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for values in values {
            let values = values.as_primitive::<Decimal128Type>();
            if values.null_count() == values.len() {
                continue;
            }
            let sum = self.sum.get_or_insert(0);
            match values.nulls() {
                None => values.values().iter().for_each(|value| add(sum, *value)),
                Some(_) => values.iter().flatten().for_each(|value| add(sum, value)),
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Decimal128(
            self.sum,
            self.precision,
            self.scale,
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}
