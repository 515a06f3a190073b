//! Units of time, as functions name them.

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// The unit of a name: `day`, `days`, ODBC's `SQL_TSI_DAY`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let name = lower.strip_prefix("sql_tsi_").unwrap_or(&lower);
        Some(match name.strip_suffix('s').unwrap_or(name) {
            "microsecond" => Self::Microsecond,
            "millisecond" => Self::Millisecond,
            "second" => Self::Second,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// Months, for units of the calendar.
    pub(crate) fn months(self) -> Option<u32> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Year => Some(12),
            _ => None,
        }
    }

    /// Microseconds, for all others.
    pub(crate) fn micros(self) -> Option<i64> {
        const SECOND: i64 = 1_000_000;
        Some(match self {
            Self::Microsecond => 1,
            Self::Millisecond => 1000,
            Self::Second => SECOND,
            Self::Minute => 60 * SECOND,
            Self::Hour => 3600 * SECOND,
            Self::Day => 86_400 * SECOND,
            Self::Week => 7 * 86_400 * SECOND,
            Self::Month | Self::Quarter | Self::Year => return None,
        })
    }

    /// Whether it is shorter than a day.
    pub(crate) fn is_time(self) -> bool {
        self.micros()
            .is_some_and(|micros| micros < 86_400 * 1_000_000)
    }

    /// One of it, as the text of an interval.
    pub(crate) fn interval(self) -> &'static str {
        match self {
            Self::Microsecond => "1 microsecond",
            Self::Millisecond => "1 millisecond",
            Self::Second => "1 second",
            Self::Minute => "1 minute",
            Self::Hour => "1 hour",
            Self::Day => "1 day",
            Self::Week => "7 days",
            Self::Month => "1 month",
            Self::Quarter => "3 months",
            Self::Year => "1 year",
        }
    }
}
