//! Keys and their values: settings of the session, properties of a relation.

use mica_catalog::Relation;

use super::table::Table;
use crate::{Result, SETTINGS, Scope};

pub(super) fn properties(relation: &Relation, key: Option<&str>) -> Table {
    let mut table = Table::new(&["key", "value"]);
    for (name, value) in &relation.body.properties {
        if key.is_none_or(|key| key.eq_ignore_ascii_case(name)) {
            table.row([name.clone(), value.clone()]);
        }
    }
    if let Some(key) = key.filter(|_| table.is_empty()) {
        let name = &relation.name;
        let problem = format!("{name} has no property '{key}'");
        table.row([key.to_owned(), problem]);
    }
    table
}

pub(super) fn settings(key: Option<&str>, scope: &Scope) -> Result<Table> {
    if let Some(key) = key {
        let mut table = Table::new(&["key", "value"]);
        table.row([key.to_owned(), scope.show(key)?.to_owned()]);
        return Ok(table);
    }
    let mut table = Table::new(&["key", "value", "default", "description"]);
    for setting in SETTINGS {
        table.row([
            setting.name.to_owned(),
            scope.show(setting.name)?.to_owned(),
            setting.default.to_owned(),
            setting.description.to_owned(),
        ]);
    }
    for (key, value) in scope.settings.changed() {
        if SETTINGS.iter().all(|setting| setting.name != key) {
            let without = "a key of another engine, without effect".to_owned();
            table.row([key.to_owned(), value.to_owned(), String::new(), without]);
        }
    }
    Ok(table)
}
