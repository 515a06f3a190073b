//! Quotients of decimals.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, Decimal128Type, i256};
use datafusion::common::{Result, exec_err};

use super::by_zero;

/// Spark's precision and scale of a quotient, shortened as it does when more than 38 digits are
/// needed: the integral part keeps its digits, the fraction at least six.
pub(super) fn quotient_type((p1, s1): (u8, i8), (p2, s2): (u8, i8)) -> (u8, i8) {
    const FRACTION_MIN: i32 = 6;
    let (p1, s1, p2, s2) = (i32::from(p1), i32::from(s1), i32::from(p2), i32::from(s2));
    let scale = FRACTION_MIN.max(s1 + p2 + 1);
    let precision = p1 - s1 + s2 + scale;
    let max = i32::from(DECIMAL128_MAX_PRECISION);
    if precision <= max {
        return (precision as u8, scale as i8);
    }
    let integral = precision - scale;
    let scale = (max - integral).max(scale.min(FRACTION_MIN));
    (max as u8, scale as i8)
}

/// `left / right` in the precision and scale of [`quotient_type`].
pub(super) fn divide(
    left: &ArrayRef,
    right: &ArrayRef,
    precision: u8,
    scale: i8,
    strict: bool,
) -> Result<ArrayRef> {
    let (left, right) = decimals(left, right);
    let ratio = Ratio::new(left, right, scale)?;
    let limit = i256::from_i128(10_i128.pow(u32::from(precision)));
    let divide = |(a, b): (Option<i128>, Option<i128>)| match (a, b) {
        (Some(_), Some(0)) if strict => by_zero(),
        (Some(_), Some(0)) => Ok(None),
        (Some(a), Some(b)) => {
            let quotient = ratio.of(a, b).and_then(|(a, b)| half_up(a, b));
            let fits = quotient.filter(|quotient| quotient.wrapping_abs() < limit);
            match fits.and_then(i256::to_i128) {
                None if strict => {
                    exec_err!("a quotient does not fit into DECIMAL({precision},{scale})")
                }
                fits => Ok(fits),
            }
        }
        _ => Ok(None),
    };
    let values: Result<Decimal128Array> = left.iter().zip(right).map(divide).collect();
    Ok(Arc::new(
        values?.with_precision_and_scale(precision, scale)?,
    ))
}

/// `left div right`: the quotient without what is behind its point.
pub(super) fn divide_whole(left: &ArrayRef, right: &ArrayRef, strict: bool) -> Result<ArrayRef> {
    let (left, right) = decimals(left, right);
    let ratio = Ratio::new(left, right, 0)?;
    let divide = |(a, b): (Option<i128>, Option<i128>)| match (a, b) {
        (Some(_), Some(0)) if strict => by_zero(),
        (Some(_), Some(0)) => Ok(None),
        (Some(a), Some(b)) => {
            let quotient = ratio.of(a, b).and_then(|(a, b)| a.checked_div(b));
            let fits = quotient.and_then(i256::to_i128);
            match fits.and_then(|quotient| i64::try_from(quotient).ok()) {
                None if strict => exec_err!("a quotient does not fit into BIGINT"),
                fits => Ok(fits),
            }
        }
        _ => Ok(None),
    };
    let values: Result<Int64Array> = left.iter().zip(right).map(divide).collect();
    Ok(Arc::new(values?))
}

fn decimals<'a>(
    left: &'a ArrayRef,
    right: &'a ArrayRef,
) -> (&'a Decimal128Array, &'a Decimal128Array) {
    (
        left.as_primitive::<Decimal128Type>(),
        right.as_primitive::<Decimal128Type>(),
    )
}

/// How two unscaled values become the numerator and the denominator of an unscaled quotient.
struct Ratio {
    /// A power of ten.
    factor: i256,
    /// Whether the numerator is multiplied with it; else the denominator.
    larger: bool,
}

impl Ratio {
    fn new(left: &Decimal128Array, right: &Decimal128Array, scale: i8) -> Result<Self> {
        // left / right = (l / 10^s1) / (r / 10^s2); times 10^scale as an integer.
        let shift = i32::from(scale) - i32::from(left.scale()) + i32::from(right.scale());
        match i256::from_i128(10).checked_pow(shift.unsigned_abs()) {
            Some(factor) => Ok(Self {
                factor,
                larger: shift >= 0,
            }),
            None => exec_err!("the scales of the operands are too far apart"),
        }
    }

    /// Numerator and denominator, unless 256 bits do not hold one.
    fn of(&self, a: i128, b: i128) -> Option<(i256, i256)> {
        let (a, b) = (i256::from_i128(a), i256::from_i128(b));
        match self.larger {
            true => Some((a.checked_mul(self.factor)?, b)),
            false => Some((a, b.checked_mul(self.factor)?)),
        }
    }
}

/// `a / b`, ties away from zero.
fn half_up(a: i256, b: i256) -> Option<i256> {
    let quotient = a.checked_div(b)?;
    let rest = a.checked_rem(b)?.wrapping_abs();
    let twice = rest.checked_mul(i256::from_i128(2))?;
    if twice < b.wrapping_abs() {
        return Some(quotient);
    }
    let negative = (a < i256::ZERO) != (b < i256::ZERO);
    let one = i256::from_i128(if negative { -1 } else { 1 });
    quotient.checked_add(one)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Array;
    use datafusion::arrow::datatypes::Int64Type;

    use super::*;

    fn array((value, precision, scale): (i128, u8, i8)) -> ArrayRef {
        let array = Decimal128Array::from(vec![value]);
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
    }

    #[track_caller]
    fn check(left: (i128, u8, i8), right: (i128, u8, i8), expected: Option<&str>) {
        let (precision, scale) = quotient_type((left.1, left.2), (right.1, right.2));
        let (left, right) = (array(left), array(right));
        let quotient = divide(&left, &right, precision, scale, false).unwrap();
        let quotient = quotient.as_primitive::<Decimal128Type>();
        let text = quotient.is_valid(0).then(|| quotient.value_as_string(0));
        assert_eq!(text.as_deref(), expected);
    }

    #[test]
    fn quotients_have_sparks_scale_and_round_half_up() {
        check((14818, 10, 0), (36525, 5, 2), Some("40.569473"));
        check((8, 10, 0), (30, 2, 1), Some("2.666667"));
        check((-8, 10, 0), (30, 2, 1), Some("-2.666667"));
        check((1, 10, 0), (0, 2, 1), None);
    }

    #[test]
    fn a_whole_quotient_is_that_of_the_decimals() {
        for (left, right, expected) in [
            ((1, 1, 0), (5, 2, 1), Some(2)),
            ((75, 2, 1), (2, 1, 0), Some(3)),
            ((-75, 2, 1), (200, 3, 2), Some(-3)),
            ((1, 1, 0), (0, 2, 1), None),
            ((10_i128.pow(37), 38, 0), (1, 1, 0), None),
        ] {
            let quotient = divide_whole(&array(left), &array(right), false).unwrap();
            let quotient = quotient.as_primitive::<Int64Type>();
            let found = quotient.is_valid(0).then(|| quotient.value(0));
            assert_eq!(found, expected, "{left:?} div {right:?}");
        }
        divide_whole(&array((10_i128.pow(37), 38, 0)), &array((1, 1, 0)), true).unwrap_err();
    }

    #[test]
    fn the_type_of_a_quotient_is_sparks() {
        assert_eq!(quotient_type((10, 0), (5, 2)), (18, 6));
        assert_eq!(quotient_type((10, 0), (2, 1)), (17, 6));
        assert_eq!(quotient_type((38, 10), (38, 10)), (38, 6));
    }
}
