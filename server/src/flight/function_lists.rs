//! The functions that SqlInfo names, by ODBC's names, and the conversions that `CONVERT` and `CAST`
//! do. Drivers of BI tools write nothing else, so what is named here must work: a test calls each.

use std::collections::HashMap;

use arrow_flight::sql::SqlSupportsConvert;

/// Functions on numbers.
pub(super) const NUMERIC: &[&str] = &[
    "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEILING", "COS", "COT", "DEGREES", "EXP", "FLOOR",
    "LOG10", "MOD", "PI", "POWER", "RADIANS", "RAND", "ROUND", "SIGN", "SIN", "SQRT", "TAN",
    "TRUNCATE",
];

/// Functions on texts.
pub(super) const STRING: &[&str] = &[
    "ASCII",
    "BIT_LENGTH",
    "CHAR",
    "CHARACTER_LENGTH",
    "CHAR_LENGTH",
    "CONCAT",
    "DIFFERENCE",
    "INSERT",
    "LCASE",
    "LEFT",
    "LENGTH",
    "LOCATE",
    "LTRIM",
    "OCTET_LENGTH",
    "POSITION",
    "REPEAT",
    "REPLACE",
    "RIGHT",
    "RTRIM",
    "SOUNDEX",
    "SPACE",
    "SUBSTRING",
    "UCASE",
];

/// Functions on the session, and `CONVERT`, which lets drivers fold casts.
pub(super) const SYSTEM: &[&str] = &["CONVERT", "DATABASE", "IFNULL", "USER"];

/// Functions on dates and times.
pub(super) const DATETIME: &[&str] = &[
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURTIME",
    "DAYNAME",
    "DAYOFMONTH",
    "DAYOFWEEK",
    "DAYOFYEAR",
    "EXTRACT",
    "HOUR",
    "MINUTE",
    "MONTH",
    "MONTHNAME",
    "NOW",
    "QUARTER",
    "SECOND",
    "TIMESTAMPADD",
    "TIMESTAMPDIFF",
    "WEEK",
    "YEAR",
];

/// From each type, the types that it can be cast to.
pub(super) fn conversions() -> HashMap<i32, Vec<i32>> {
    use SqlSupportsConvert::{
        SqlConvertBigint as BigInt, SqlConvertBit as Bit, SqlConvertChar as Char,
        SqlConvertDate as Date, SqlConvertDecimal as Decimal, SqlConvertFloat as Float,
        SqlConvertInteger as Integer, SqlConvertLongvarchar as LongVarchar,
        SqlConvertNumeric as Numeric, SqlConvertReal as Real, SqlConvertSmallint as SmallInt,
        SqlConvertTime as Time, SqlConvertTimestamp as Timestamp, SqlConvertTinyint as TinyInt,
        SqlConvertVarbinary as Varbinary, SqlConvertVarchar as Varchar,
    };
    let texts = [Char, Varchar, LongVarchar];
    let numbers = [
        TinyInt, SmallInt, Integer, BigInt, Real, Float, Decimal, Numeric,
    ];
    let mut conversions = HashMap::new();
    let mut add = |from: SqlSupportsConvert, groups: &[&[SqlSupportsConvert]]| {
        let mut to: Vec<i32> = groups
            .iter()
            .flat_map(|group| group.iter().map(|data_type| i32::from(*data_type)))
            .collect();
        to.sort_unstable();
        conversions.insert(from.into(), to);
    };
    let moments = [Date, Time, Timestamp];
    for text in texts {
        add(text, &[&texts, &numbers, &[Bit, Varbinary], &moments]);
    }
    for number in numbers {
        add(number, &[&texts, &numbers]);
    }
    add(Bit, &[&texts, &[Bit, TinyInt, SmallInt, Integer, BigInt]]);
    add(Date, &[&texts, &[Date, Timestamp]]);
    add(Time, &[&texts, &[Time]]);
    add(Timestamp, &[&texts, &moments]);
    conversions
}
