//! How many bytes of text a call may make.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ColumnarValue;

/// How a function's result grows with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// `repeat(text, times)`
    Repeat,
    /// `lpad(text, characters[, fill])`
    Pad,
    /// `space(characters)`
    Space,
}

impl Growth {
    /// At most so many bytes come of a batch of `rows`.
    pub(super) fn bytes(self, args: &[ColumnarValue], rows: usize) -> Result<u64> {
        match (self, args) {
            (Self::Repeat, [text, times]) => {
                let (text, times) = (Column::lengths(text)?, Column::numbers(times)?);
                Ok(sum(rows, |row| text.at(row).saturating_mul(times.at(row))))
            }
            (Self::Pad, [text, characters, fill @ ..]) => {
                let (text, characters) = (Column::lengths(text)?, Column::numbers(characters)?);
                let width = fill.first().map_or(1, widest);
                // A text is cut to as many characters, of four bytes each at most.
                Ok(sum(rows, |row| {
                    let characters = characters.at(row);
                    let kept = text.at(row).min(characters.saturating_mul(4));
                    characters.saturating_mul(width).saturating_add(kept)
                }))
            }
            (Self::Space, [characters]) => {
                let characters = Column::numbers(characters)?;
                Ok(sum(rows, |row| characters.at(row)))
            }
            // The function refuses these itself.
            _ => Ok(0),
        }
    }

    /// Pads of a negative length are empty; DataFusion reserves room for them as if they were huge.
    pub(super) fn amend(self, args: &mut [ColumnarValue]) {
        if let (Self::Pad, Some(ColumnarValue::Array(lengths))) = (self, args.get_mut(1))
            && let Some(given) = lengths.as_primitive_opt::<Int64Type>()
        {
            let amended: Int64Array = given.unary(|length| length.max(0));
            *lengths = Arc::new(amended);
        }
    }
}

fn sum(rows: usize, bytes: impl Fn(usize) -> u64) -> u64 {
    (0..rows).fold(0, |sum, row| sum.saturating_add(bytes(row)))
}

/// Bytes of the widest character that a fill may have.
fn widest(fill: &ColumnarValue) -> u64 {
    let ascii = match fill {
        ColumnarValue::Scalar(fill) => fill.try_as_str().flatten().is_none_or(str::is_ascii),
        ColumnarValue::Array(_) => false,
    };
    if ascii { 1 } else { 4 }
}

/// Numbers of a batch; NULL and negative ones count as zero.
enum Column {
    Same(u64),
    Each(Int64Array),
}

impl Column {
    fn numbers(value: &ColumnarValue) -> Result<Self> {
        Self::of(value, |values| cast(values, &DataType::Int64))
    }

    fn lengths(value: &ColumnarValue) -> Result<Self> {
        Self::of(value, |values| cast(&length(values)?, &DataType::Int64))
    }

    fn of(
        value: &ColumnarValue,
        read: impl Fn(&ArrayRef) -> Result<ArrayRef, datafusion::arrow::error::ArrowError>,
    ) -> Result<Self> {
        match value {
            ColumnarValue::Array(values) => Ok(Self::Each(
                read(values)?.as_primitive::<Int64Type>().clone(),
            )),
            ColumnarValue::Scalar(value) => {
                let one = Self::Each(read(&value.to_array()?)?.as_primitive().clone());
                Ok(Self::Same(one.at(0)))
            }
        }
    }

    fn at(&self, row: usize) -> u64 {
        match self {
            Self::Same(number) => *number,
            Self::Each(numbers) if numbers.is_null(row) => 0,
            Self::Each(numbers) => u64::try_from(numbers.value(row)).unwrap_or(0),
        }
    }
}
