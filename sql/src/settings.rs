//! Settings of a session, and the scope in which a text is planned.
//!
//! [`SETTINGS`] is the one list: `SET` checks against it, `SHOW ALL` prints it, the reference in
//! `docs/` is made from it.

use std::collections::BTreeMap;

use crate::{Dialect, Error, Result};

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Other names that set the same.
    pub aliases: &'static [&'static str],
    /// The value of a new session.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// Whether it changes what a text means, so that a view keeps it.
    pub changes_meaning: bool,
    /// What values there are.
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Dialect,
    Boolean,
    OneOf(&'static [&'static str]),
    Count { min: u64, max: u64 },
    TimeZone,
    Schema,
}

/// Every setting, by name.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "ansi_mode",
        aliases: &["spark.sql.ansi.enabled"],
        default: "false",
        description: "spark dialect: whether a bad cast, a division by zero and an overflow are \
                      errors (Spark 4) instead of NULL (Spark 3).",
        changes_meaning: true,
        kind: Kind::Boolean,
    },
    Setting {
        name: "batch_size",
        aliases: &[],
        default: "8192",
        description: "Rows per batch inside a query.",
        changes_meaning: false,
        kind: Kind::Count {
            min: 1,
            max: 1_000_000,
        },
    },
    Setting {
        name: "dialect",
        aliases: &["mica.dialect"],
        default: "ansi",
        description: "How statements are read: ansi or spark.",
        changes_meaning: false,
        kind: Kind::Dialect,
    },
    Setting {
        name: "ipc_compression",
        aliases: &[],
        default: "none",
        description: "How the batches of a result are compressed on the wire: none, lz4 or zstd. The \
                      client must be able to read it; JDBC's driver is not.",
        changes_meaning: false,
        kind: Kind::OneOf(&["none", "lz4", "zstd"]),
    },
    Setting {
        name: "null_order",
        aliases: &["datafusion.sql_parser.default_null_ordering"],
        default: "dialect",
        description: "Where NULLs sort without NULLS FIRST or LAST: high, low, first, last, or \
                      as the dialect says (ansi: high, spark: low).",
        changes_meaning: true,
        kind: Kind::OneOf(&["dialect", "high", "low", "first", "last"]),
    },
    Setting {
        name: "schema",
        aliases: &["database", "current_schema", "search_path"],
        default: mica_catalog::DEFAULT_SCHEMA,
        description: "The schema that unqualified names resolve to; USE sets it as well.",
        changes_meaning: false,
        kind: Kind::Schema,
    },
    Setting {
        name: "statement_timeout_ms",
        aliases: &[],
        default: "0",
        description: "Time that a statement may take, in ms; 0 for the server's limit. It can \
                      only be lowered.",
        changes_meaning: false,
        kind: Kind::Count {
            min: 0,
            max: u64::MAX,
        },
    },
    Setting {
        name: "target_partitions",
        aliases: &["datafusion.execution.target_partitions"],
        default: "0",
        description: "Partitions that a query is split into; 0 for the number of cores, and one \
                      for little data.",
        changes_meaning: false,
        kind: Kind::Count { min: 0, max: 1024 },
    },
    Setting {
        name: "timezone",
        aliases: &[
            "time_zone",
            "spark.sql.session.timezone",
            "datafusion.execution.time_zone",
        ],
        default: "UTC",
        description: "The zone of now() and of casts between zoned and plain timestamps.",
        changes_meaning: false,
        kind: Kind::TimeZone,
    },
];

/// Keys of other engines that scripts set: remembered, and without effect.
const IGNORED_PREFIXES: [&str; 5] = ["spark.", "hive.", "mapred.", "mapreduce.", "hivevar:"];

/// The setting of that name or alias.
fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.name == key || setting.aliases.contains(&key))
}

impl Setting {
    /// `value` in its one spelling.
    fn normalize(&self, value: &str) -> Result<String> {
        let lower = value.trim().to_lowercase();
        let wrong = |expected: String| Error::Setting {
            key: self.name.to_owned(),
            value: value.to_owned(),
            expected,
        };
        match &self.kind {
            Kind::Dialect => Dialect::parse(&lower).map(|dialect| dialect.as_str().to_owned()),
            Kind::Boolean => match lower.as_str() {
                "true" | "on" | "1" | "yes" => Ok("true".to_owned()),
                "false" | "off" | "0" | "no" => Ok("false".to_owned()),
                _ => Err(wrong("true or false".to_owned())),
            },
            Kind::OneOf(values) if values.contains(&lower.as_str()) => Ok(lower),
            Kind::OneOf(values) => Err(wrong(values.join(", "))),
            Kind::Count { min, max } => match lower.parse::<u64>() {
                Ok(number) if (*min..=*max).contains(&number) => Ok(number.to_string()),
                _ => Err(wrong(format!("a whole number from {min} to {max}"))),
            },
            Kind::TimeZone => {
                let parsed: Result<datafusion::arrow::array::timezone::Tz, _> =
                    value.trim().parse();
                parsed
                    .map(|_| value.trim().to_owned())
                    .map_err(|_| wrong("an IANA zone such as Europe/Berlin, or +02:00".to_owned()))
            }
            Kind::Schema => Ok(value.trim().to_owned()),
        }
    }
}

/// Values of settings; what is not here has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Settings {
    values: BTreeMap<String, String>,
}

impl Settings {
    /// Sets `key`, under any of its names. Keys of Spark and Hive that mean nothing here are
    /// remembered for `SET key`.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`] with near matches; [`Error::Setting`] with what works.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let key = key.to_lowercase();
        let (name, value) = match find(&key) {
            Some(setting) => (setting.name.to_owned(), setting.normalize(value)?),
            None if is_ignored(&key) => (key, value.to_owned()),
            None => return Err(unknown(&key)),
        };
        self.values.insert(name, value);
        Ok(())
    }

    /// Gives `key` its default again.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`].
    pub fn reset(&mut self, key: &str) -> Result<()> {
        let key = key.to_lowercase();
        match find(&key) {
            Some(setting) => self.values.remove(setting.name),
            None if is_ignored(&key) => self.values.remove(&key),
            None => return Err(unknown(&key)),
        };
        Ok(())
    }

    /// The value of `key`, under any of its names.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`].
    pub fn show(&self, key: &str) -> Result<&str> {
        let key = key.to_lowercase();
        match find(&key) {
            Some(setting) => Ok(self.get(setting.name)),
            None => match self.values.get(&key) {
                Some(value) => Ok(value),
                None if is_ignored(&key) => Ok("<undefined>"),
                None => Err(unknown(&key)),
            },
        }
    }

    /// The value of the setting with that very name.
    pub fn get(&self, name: &str) -> &str {
        let default = || find(name).map_or("", |setting| setting.default);
        self.values.get(name).map_or_else(default, String::as_str)
    }

    /// The value of a count; zero if it has none.
    pub fn count(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or(0)
    }

    /// Name and value of every setting that is not at its default.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Those that change what a text means, for a view to keep.
    pub(crate) fn meaning(&self) -> BTreeMap<String, String> {
        SETTINGS
            .iter()
            .filter(|setting| setting.changes_meaning)
            .filter_map(|setting| {
                let value = self.values.get(setting.name)?;
                Some((setting.name.to_owned(), value.clone()))
            })
            .collect()
    }
}

fn is_ignored(key: &str) -> bool {
    IGNORED_PREFIXES
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

fn unknown(key: &str) -> Error {
    let names = SETTINGS.iter().map(|setting| setting.name);
    Error::UnknownSetting {
        key: key.to_owned(),
        near: mica_catalog::near_matches(key, names),
    }
}

/// What a text is planned in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// How it is read.
    pub dialect: Dialect,
    /// Where its unqualified names resolve.
    pub schema: String,
    /// Settings.
    pub settings: Settings,
    /// What `current_user` means.
    pub user: String,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            schema: mica_catalog::DEFAULT_SCHEMA.to_owned(),
            settings: Settings::default(),
            user: String::new(),
        }
    }
}

impl Scope {
    /// Sets a setting; `dialect` and `schema` are part of the scope itself.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.settings.set(key, value)?;
        match find(&key.to_lowercase()).map(|setting| setting.name) {
            Some("dialect") => self.dialect = Dialect::parse(self.settings.get("dialect"))?,
            Some("schema") => self.schema = self.settings.get("schema").to_owned(),
            _ => {}
        }
        Ok(())
    }

    /// The value of a setting, the scope's own included.
    ///
    /// # Errors
    /// As [`Settings::show`].
    pub fn show(&self, key: &str) -> Result<&str> {
        match find(&key.to_lowercase()).map(|setting| setting.name) {
            Some("dialect") => Ok(self.dialect.as_str()),
            Some("schema") => Ok(&self.schema),
            _ => self.settings.show(key),
        }
    }

    /// Gives a setting its default again, `schema` and `dialect` among them.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`].
    pub fn reset(&mut self, key: &str) -> Result<()> {
        let defaults = Self::default();
        self.settings.reset(key)?;
        if let Ok(default) = defaults.show(key) {
            self.set(key, default)?;
            self.settings.reset(key)?;
        }
        Ok(())
    }

    /// The scope in which a stored view is planned: its own, but for the session's time zone.
    pub(crate) fn of_view(&self, view: &mica_catalog::View) -> Result<Self> {
        let mut settings = Settings {
            values: view.settings.clone(),
        };
        if let Some(zone) = self.settings.values.get("timezone") {
            settings.values.insert("timezone".to_owned(), zone.clone());
        }
        Ok(Self {
            dialect: Dialect::parse(&view.dialect)?,
            schema: view.default_schema.clone(),
            settings,
            user: self.user.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_one_value_under_all_its_names() {
        let mut scope = Scope::default();
        scope.set("spark.sql.ansi.enabled", "TRUE").unwrap();
        assert_eq!(scope.show("ansi_mode").unwrap(), "true");
        scope.set("Dialect", "SPARK").unwrap();
        assert_eq!(scope.dialect, Dialect::Spark);
    }

    #[test]
    fn a_typing_error_is_offered_the_right_name() {
        let error = Settings::default().set("time_zne", "UTC").unwrap_err();
        assert!(error.to_string().contains("'timezone'"), "{error}");
    }

    #[test]
    fn a_key_of_spark_is_remembered_and_has_no_effect() {
        let mut settings = Settings::default();
        settings.set("spark.sql.shuffle.partitions", "4").unwrap();
        assert_eq!(settings.show("spark.sql.shuffle.partitions").unwrap(), "4");
    }

    #[test]
    fn a_bad_value_is_told_what_works() {
        let error = Scope::default().set("dialect", "hive").unwrap_err();
        assert!(error.to_string().contains("not supported yet"), "{error}");
        let error = Scope::default()
            .set("timezone", "Mars/Olympus")
            .unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
}
