//! Accumulators that look at a sum when it is complete.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::FormatOptions;
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::Overflow;
use crate::types::sql_name;

/// What overflows is an error, not NULL.
const STRICT: CastOptions<'static> = CastOptions {
    safe: false,
    format_options: FormatOptions::new(),
};

/// What is added, and what comes out.
#[derive(Debug)]
pub(in crate::functions) struct Types {
    /// What values are cast to before.
    pub(in crate::functions) widened: Option<DataType>,
    /// Whether the sum is in 128 bits already, and its digits are all there is to look at.
    pub(in crate::functions) is_counted: bool,
    /// The type that comes out.
    pub(in crate::functions) sum: DataType,
    pub(in crate::functions) overflow: Overflow,
}

impl Types {
    fn widen<'a>(&self, values: &'a [ArrayRef]) -> Result<Cow<'a, [ArrayRef]>> {
        let Some(wide) = &self.widened else {
            return Ok(Cow::Borrowed(values));
        };
        let widened = values
            .iter()
            .map(|values| cast_with_options(values, wide, &STRICT));
        Ok(Cow::Owned(widened.collect::<Result<_, ArrowError>>()?))
    }

    fn fit(&self, sums: ArrayRef) -> Result<ArrayRef> {
        let is_null = self.overflow == Overflow::Null;
        let options = CastOptions {
            safe: is_null,
            ..STRICT
        };
        let fitting = match &self.sum {
            DataType::Decimal128(precision, _) if self.is_counted => {
                let decimals = sums.as_primitive::<Decimal128Type>();
                match is_null {
                    true => {
                        let fitting = decimals.null_if_overflow_precision(*precision);
                        Ok(Arc::new(fitting.with_data_type(self.sum.clone())) as _)
                    }
                    false => decimals
                        .validate_decimal_precision(*precision)
                        .map(|()| sums),
                }
            }
            sum => cast_with_options(&sums, sum, &options),
        };
        fitting.map_err(|_| self.does_not_fit())
    }

    fn does_not_fit(&self) -> DataFusionError {
        let (name, wider) = match &self.sum {
            DataType::UInt64 => ("an unsigned type".to_owned(), "DECIMAL(28, 0) or DOUBLE"),
            DataType::Int64 => (sql_name(&self.sum), "DECIMAL(28, 0) or DOUBLE"),
            decimal => (sql_name(decimal), "DOUBLE"),
        };
        exec_datafusion_err!("a sum does not fit {name}; CAST what is added to {wider}")
    }
}

/// The sum of one group, or of a window's frame.
#[derive(Debug)]
pub(in crate::functions) struct Checked {
    pub(in crate::functions) inner: Box<dyn Accumulator>,
    pub(in crate::functions) types: Types,
}

impl Accumulator for Checked {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&self.types.widen(values)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&self.types.fit(sum)?, 0)
    }

    fn size(&self) -> usize {
        self.inner.size() + size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&self.types.widen(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// The sums of many groups.
pub(in crate::functions) struct CheckedGroups {
    pub(in crate::functions) inner: Box<dyn GroupsAccumulator>,
    pub(in crate::functions) types: Types,
}

impl fmt::Debug for CheckedGroups {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("CheckedGroups");
        shown.field("types", &self.types).finish_non_exhaustive()
    }
}

impl GroupsAccumulator for CheckedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let values = self.types.widen(values)?;
        self.inner
            .update_batch(&values, group_indices, filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.inner.evaluate(emit_to)?;
        self.types.fit(sums)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner
            .merge_batch(states, group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = self.types.widen(values)?;
        self.inner.convert_to_state(&values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
