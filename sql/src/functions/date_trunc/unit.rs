//! Where the unit that holds a moment begins.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset};
use chrono::{TimeDelta, Timelike};
use datafusion::arrow::array::temporal_conversions::as_datetime_with_timezone;
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::datatypes::{ArrowTimestampType, TimeUnit};
use datafusion::logical_expr::ColumnarValue;

use crate::units::Unit;

impl Unit {
    /// The unit that a literal names.
    pub(super) fn of(value: &ColumnarValue) -> Option<Self> {
        let ColumnarValue::Scalar(name) = value else {
            return None;
        };
        Self::parse(name.try_as_str()??)
    }

    /// Ticks of a timestamp type in the unit, if they begin with the first of all; one where the type
    /// has coarser ticks.
    fn ticks<T: ArrowTimestampType>(self) -> Option<i64> {
        // A week begins on a Monday, 1970 on a Thursday.
        let micros = self.micros().filter(|_| self != Self::Week)?;
        let ticks = i128::from(micros) * i128::from(per_second::<T>()) / 1_000_000;
        i64::try_from(ticks.max(1)).ok()
    }

    /// The start of the unit, or nothing where the type does not reach it.
    pub(super) fn truncate<T: ArrowTimestampType>(self, value: i64) -> Option<i64> {
        if let Some(ticks) = self.ticks::<T>() {
            return value.checked_sub(value.rem_euclid(ticks));
        }
        let day = 86_400 * per_second::<T>();
        let date = NaiveDate::from_epoch_days(i32::try_from(value.div_euclid(day)).ok()?)?;
        i64::from(self.first_day(date)?.to_epoch_days()).checked_mul(day)
    }

    /// The start of the unit by the clocks of a zone.
    pub(super) fn truncate_in<T: ArrowTimestampType>(self, value: i64, zone: Tz) -> Option<i64> {
        // No zone of today is off by a part of a minute.
        if !matches!(
            self,
            Self::Hour | Self::Day | Self::Week | Self::Month | Self::Quarter | Self::Year
        ) {
            return self.truncate::<T>(value);
        }
        let moment = as_datetime_with_timezone::<T>(value, zone)?;
        let local = moment.naive_local();
        let start = match self {
            Self::Hour => local.date().and_hms_opt(local.hour(), 0, 0)?,
            _ => self.first_day(local.date())?.and_time(NaiveTime::MIN),
        };
        let start = resolve(start, &moment)?;
        start.timestamp().checked_mul(per_second::<T>())
    }

    fn first_day(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => {
                let past = date.weekday().num_days_from_monday();
                date.checked_sub_days(Days::new(u64::from(past)))
            }
            Self::Month => date.with_day(1),
            Self::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1),
            Self::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
            _ => Some(date),
        }
    }
}

/// The moment at which the clocks of a zone show `start`, that of the two nearer in kind to
/// `moment` where they show it twice.
fn resolve(start: NaiveDateTime, moment: &DateTime<Tz>) -> Option<DateTime<Tz>> {
    let zone = moment.timezone();
    match start.and_local_timezone(zone) {
        LocalResult::Single(found) => Some(found),
        LocalResult::Ambiguous(first, second) => {
            match first.offset().fix() == moment.offset().fix() {
                true => Some(first),
                false => Some(second),
            }
        }
        // Clocks that skip midnight: as long after the hours before it as if they had not.
        LocalResult::None => {
            let before = start.checked_sub_signed(TimeDelta::hours(3))?;
            let before = before.and_local_timezone(zone).single()?;
            before.checked_add_signed(TimeDelta::hours(3))
        }
    }
}

fn per_second<T: ArrowTimestampType>() -> i64 {
    match T::UNIT {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{
        TimestampMicrosecondType as Micros, TimestampNanosecondType as Nanos,
        TimestampSecondType as Seconds,
    };

    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<DateTime<chrono::Utc>>()
            .unwrap()
            .timestamp_micros()
    }

    #[test]
    fn every_unit_reaches_every_year() {
        for (unit, expected) in [
            (Unit::Microsecond, "9999-12-31T23:59:59.999999Z"),
            (Unit::Millisecond, "9999-12-31T23:59:59.999Z"),
            (Unit::Second, "9999-12-31T23:59:59Z"),
            (Unit::Minute, "9999-12-31T23:59:00Z"),
            (Unit::Hour, "9999-12-31T23:00:00Z"),
            (Unit::Day, "9999-12-31T00:00:00Z"),
            // A Friday.
            (Unit::Week, "9999-12-27T00:00:00Z"),
            (Unit::Month, "9999-12-01T00:00:00Z"),
            (Unit::Quarter, "9999-10-01T00:00:00Z"),
            (Unit::Year, "9999-01-01T00:00:00Z"),
        ] {
            let end = micros("9999-12-31T23:59:59.999999Z");
            let expected = Some(micros(expected));
            assert_eq!(unit.truncate::<Micros>(end), expected, "{unit:?}");
            let zone: Tz = "UTC".parse().unwrap();
            assert_eq!(unit.truncate_in::<Micros>(end, zone), expected, "{unit:?}");
        }
    }

    #[test]
    fn moments_before_1970_go_down_too() {
        let moment = micros("1969-12-31T23:59:59.999999Z");
        let cut = |unit: Unit| unit.truncate::<Micros>(moment);
        assert_eq!(cut(Unit::Millisecond), Some(-1_000));
        assert_eq!(cut(Unit::Second), Some(-1_000_000));
        assert_eq!(cut(Unit::Week), Some(micros("1969-12-29T00:00:00Z")));
        let first = micros("0001-01-01T00:00:00Z");
        assert_eq!(Unit::Year.truncate::<Micros>(first), Some(first));
    }

    #[test]
    fn coarse_ticks_stay_and_what_is_out_of_reach_is_nothing() {
        assert_eq!(Unit::Millisecond.truncate::<Seconds>(-7), Some(-7));
        assert_eq!(Unit::Minute.truncate::<Seconds>(-7), Some(-60));
        assert_eq!(Unit::Microsecond.truncate::<Nanos>(-1), Some(-1_000));
        assert_eq!(Unit::Day.truncate::<Micros>(i64::MIN), None);
        assert_eq!(Unit::Year.truncate::<Micros>(i64::MIN), None);
        assert_eq!(Unit::Year.truncate::<Nanos>(i64::MIN), None);
    }

    #[test]
    fn clocks_that_skip_midnight_and_clocks_that_turn_back() {
        for (zone, unit, moment, expected) in [
            // 2018-11-04 began at 01:00 in Brazil, three hours before which it was 21:00.
            (
                "America/Sao_Paulo",
                Unit::Day,
                "2018-11-04T15:00:00Z",
                "2018-11-04T03:00:00Z",
            ),
            // 02:30 comes twice in Berlin; each is in an hour of its own.
            (
                "Europe/Berlin",
                Unit::Hour,
                "2024-10-27T00:30:00Z",
                "2024-10-27T00:00:00Z",
            ),
            (
                "Europe/Berlin",
                Unit::Hour,
                "2024-10-27T01:30:00Z",
                "2024-10-27T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                Unit::Day,
                "2024-10-27T12:00:00Z",
                "2024-10-26T22:00:00Z",
            ),
            (
                "Europe/Berlin",
                Unit::Month,
                "2024-10-31T12:00:00Z",
                "2024-09-30T22:00:00Z",
            ),
            (
                "+05:30",
                Unit::Hour,
                "9999-12-31T12:15:00Z",
                "9999-12-31T11:30:00Z",
            ),
        ] {
            let parsed: Tz = zone.parse().unwrap();
            let start = unit.truncate_in::<Micros>(micros(moment), parsed);
            assert_eq!(
                start,
                Some(micros(expected)),
                "{unit:?} of {moment} in {zone}"
            );
        }
    }
}
