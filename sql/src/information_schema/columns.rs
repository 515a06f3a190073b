//! The columns of each view of `information_schema`; those with a `#` are numbers.

pub(super) const SCHEMATA: &[&str] = &[
    "catalog_name",
    "schema_name",
    "schema_owner",
    "schema_comment",
];

pub(super) const TABLES: &[&str] = &[
    "table_catalog",
    "table_schema",
    "table_name",
    "table_type",
    "table_comment",
];

pub(super) const COLUMNS: &[&str] = &[
    "table_catalog",
    "table_schema",
    "table_name",
    "column_name",
    "ordinal_position#",
    "column_default",
    "is_nullable",
    "data_type",
    "character_maximum_length#",
    "numeric_precision#",
    "numeric_scale#",
    "datetime_precision#",
    "column_comment",
];

pub(super) const VIEWS: &[&str] = &[
    "table_catalog",
    "table_schema",
    "table_name",
    "view_definition",
    "check_option",
    "is_updatable",
    "dialect",
];

pub(super) const TABLE_CONSTRAINTS: &[&str] = &[
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
    "table_catalog",
    "table_schema",
    "table_name",
    "constraint_type",
];

pub(super) const KEY_COLUMN_USAGE: &[&str] = &[
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
    "table_catalog",
    "table_schema",
    "table_name",
    "column_name",
    "ordinal_position#",
    "position_in_unique_constraint#",
];

pub(super) const CONSTRAINT_COLUMN_USAGE: &[&str] = &[
    "table_catalog",
    "table_schema",
    "table_name",
    "column_name",
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
];

pub(super) const REFERENTIAL_CONSTRAINTS: &[&str] = &[
    "constraint_catalog",
    "constraint_schema",
    "constraint_name",
    "unique_constraint_catalog",
    "unique_constraint_schema",
    "unique_constraint_name",
    "match_option",
    "update_rule",
    "delete_rule",
];
