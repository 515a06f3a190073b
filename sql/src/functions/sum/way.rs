//! How sums that could overflow are made.

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, FieldRef,
};

use super::whole::WIDE;

/// Digits that a sum has more than what is added, in DataFusion and Spark: enough for ten thousand
/// million rows.
const MORE_DIGITS: u8 = 10;

/// How a sum is made that could overflow.
#[derive(Debug)]
pub(super) enum Way {
    /// In a type that holds the sum of as many rows as a machine can count, in whatever order.
    Widened(DataType),
    /// So, too, of whole numbers, which are not widened before: [`super::whole`].
    Whole,
    /// In the 128 bits of its DECIMAL, with a look at each addition: half the cost of 256.
    Counted { precision: u8, scale: i8 },
}

impl Way {
    /// The way to the type `sum` from `values`; `None` if no number of rows overflows. Sums of what
    /// is distinct or slides are [`Way::Widened`]: DataFusion alone knows those.
    pub(super) fn of(values: &[FieldRef], sum: &DataType, widened: bool) -> Option<Self> {
        match (values.first()?.data_type(), sum) {
            (_, DataType::Int64 | DataType::UInt64) => Some(match widened {
                true => Self::Widened(WIDE),
                false => Self::Whole,
            }),
            (DataType::Decimal128(digits, _), DataType::Decimal128(precision, scale)) => {
                let (precision, scale) = (*precision, *scale);
                if digits.saturating_add(MORE_DIGITS) <= DECIMAL128_MAX_PRECISION {
                    return None;
                }
                Some(match widened {
                    true => Self::Widened(DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale)),
                    false => Self::Counted { precision, scale },
                })
            }
            _ => None,
        }
    }
}
