//! The reference, made from what the code itself reads: flags, settings, functions.

use clap::{Args, CommandFactory};
use mica_sql::{Dialect, SETTINGS, function_names};

use crate::args::{Cli, LimitArgs};

/// Statements and what they do; the parser's families, in the order of use.
const STATEMENTS: &[(&str, &str)] = &[
    (
        "SELECT .., WITH .., VALUES ..",
        "Rows. `?` and `$1` are parameters.",
    ),
    (
        "CREATE [OR REPLACE] [TEMPORARY] VIEW [IF NOT EXISTS] v [(c [COMMENT '..'], ..)] [COMMENT '..'] [TBLPROPERTIES (..)] [WITH SCHEMA mode] AS query",
        "A view, in the session's dialect, schema and settings.",
    ),
    (
        "CREATE [OR REPLACE] EXTERNAL TABLE [IF NOT EXISTS] t [(c type, ..)] STORED AS CSV|JSON|PARQUET [PARTITIONED BY (..)] LOCATION 'p' [OPTIONS (..)]",
        "A table over files (DataFusion's spelling).",
    ),
    (
        "CREATE TABLE t [(c type, ..)] USING csv|json|parquet OPTIONS (path 'p', ..) | LOCATION 'p'",
        "A table over files (Spark's spelling).",
    ),
    (
        "CREATE [OR REPLACE] TEMPORARY VIEW t USING csv OPTIONS (path 'p', ..)",
        "A table over files that lives with the session.",
    ),
    (
        "CREATE EXTERNAL TABLE t (c type, ..) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE|PARQUET LOCATION 'p'",
        "A table over files (Hive's spelling).",
    ),
    (
        "REFRESH TABLE t",
        "Looks at the files again, and infers the columns unless they were declared.",
    ),
    (
        "DROP VIEW|TABLE [IF EXISTS] n, .. [RESTRICT|CASCADE]",
        "Drops relations; UNDROP brings them back.",
    ),
    (
        "ALTER VIEW v AS query | RENAME TO n | SET TBLPROPERTIES (..) | UNSET TBLPROPERTIES (..) | OWNER TO u | WITH SCHEMA mode",
        "Changes a view; all but AS and WITH SCHEMA work on tables, too.",
    ),
    (
        "ALTER VIEW|TABLE n ADD [CONSTRAINT c] PRIMARY KEY (..) NOT ENFORCED",
        "Declares a key, for tools that look for one; nothing enforces it.",
    ),
    (
        "ALTER VIEW|TABLE n ADD [CONSTRAINT c] FOREIGN KEY (..) REFERENCES m [(..)] NOT ENFORCED",
        "Declares a relationship, which tools such as Power BI find.",
    ),
    (
        "ALTER VIEW|TABLE n DROP CONSTRAINT [IF EXISTS] c | DROP PRIMARY KEY",
        "Takes a declared key away.",
    ),
    (
        "COMMENT ON [VIEW|TABLE|COLUMN|SCHEMA] n IS '..'|NULL",
        "Sets or removes a comment.",
    ),
    (
        "CREATE SCHEMA|DATABASE [IF NOT EXISTS] s [COMMENT '..']",
        "A schema.",
    ),
    (
        "DROP SCHEMA|DATABASE [IF EXISTS] s [CASCADE]",
        "Drops an empty schema; with CASCADE all in it.",
    ),
    (
        "CACHE TABLE t | UNCACHE TABLE t | CLEAR CACHE | ANALYZE TABLE t .. | MSCK REPAIR TABLE t",
        "Nothing: needed elsewhere, taken so that scripts go on. CACHE TABLE t AS query makes a temporary view.",
    ),
    (
        "USE [SCHEMA|DATABASE] s",
        "The schema that unqualified names resolve to.",
    ),
    (
        "SHOW CATALOGS, DATABASES|SCHEMAS, TABLES|VIEWS [IN s], COLUMNS IN t, CREATE TABLE|VIEW n, TBLPROPERTIES n, FUNCTIONS, HISTORY n, QUERIES, ALL, setting [LIKE 'p']",
        "What there is.",
    ),
    (
        "DESCRIBE [EXTENDED] n, DESCRIBE query, DESCRIBE SCHEMA s",
        "Columns and everything else.",
    ),
    (
        "EXPLAIN [ANALYZE] [VERBOSE] [FORMAT f] query",
        "How a query runs.",
    ),
    (
        "UNDROP VIEW|TABLE n, RESTORE VIEW|TABLE n TO VERSION v",
        "Brings a definition back.",
    ),
    ("SET k = v, SET k, RESET [k]", "Settings of the session."),
    (
        "KILL 'id'",
        "Ends a query of the same user; SHOW QUERIES lists ids.",
    ),
];

/// The whole reference.
pub(super) fn markdown() -> String {
    let mut text =
        "# Reference\n\nMade by `mica reference`; a test holds it against the code.\n".to_owned();
    text += "\n## Statements\n\n| statement | what it does |\n|---|---|\n";
    for (statement, meaning) in STATEMENTS {
        text += &format!("| `{}` | {meaning} |\n", statement.replace('|', "\\|"));
    }
    text += "\n## Settings\n\n| setting | default | what it does | also known as |\n|---|---|---|---|\n";
    for setting in SETTINGS {
        let aliases: Vec<String> = setting
            .aliases
            .iter()
            .map(|alias| format!("`{alias}`"))
            .collect();
        text += &format!(
            "| `{}` | `{}` | {} | {} |\n",
            setting.name,
            setting.default,
            setting.description,
            aliases.join(", ")
        );
    }
    text += "\n## Commands and flags\n\nEvery flag can be given as the variable behind it.\n";
    let cli = Cli::command();
    text += &format!("\nWith each command:\n\n{}", table(cli.get_arguments()));
    let shown = |command: &&clap::Command| !command.is_hide_set();
    for command in cli.get_subcommands().filter(shown) {
        text += &flags(command);
    }
    for dialect in Dialect::ALL {
        let names: Vec<String> = function_names(dialect)
            .into_iter()
            .map(|name| format!("`{name}`"))
            .collect();
        text += &format!("\n## Functions of `{dialect}`\n\n{}\n", names.join(", "));
    }
    text
}

fn flags(command: &clap::Command) -> String {
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut text = format!("\n### mica {}\n\n{about}\n\n", command.get_name());
    let limits = LimitArgs::augment_args(clap::Command::new("limits"));
    let is_limit = |id| limits.get_arguments().any(|limit| limit.get_id() == id);
    let all = || command.get_arguments();
    if command.get_name() == "serve" || !all().any(|argument| is_limit(argument.get_id())) {
        return text + &table(all());
    }
    text += &table(all().filter(|argument| !is_limit(argument.get_id())));
    text + "\nAnd the limits of `mica serve`, from `--max-queries` on.\n"
}

fn table<'a>(arguments: impl Iterator<Item = &'a clap::Arg>) -> String {
    let head = "| flag | variable | default | what it does |\n|---|---|---|---|\n".to_owned();
    let shown = arguments.filter(|argument| !argument.is_hide_set());
    shown.fold(head, |table, argument| table + &row(argument))
}

fn row(argument: &clap::Arg) -> String {
    let value = argument.get_value_names().map(|names| names.join(" "));
    let takes = argument.get_action().takes_values();
    let name = match (argument.get_long(), value.filter(|_| takes)) {
        (Some(long), Some(value)) => format!("`--{long} {value}`"),
        (Some(long), None) => format!("`--{long}`"),
        (None, value) => format!("`{}`", value.unwrap_or_default()),
    };
    let variable = argument
        .get_env()
        .map(|env| format!("`{}`", env.to_string_lossy()));
    let defaults = argument.get_default_values().iter();
    let default: Vec<String> = defaults
        .map(|default| format!("`{}`", default.to_string_lossy()))
        .collect();
    let help = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    format!(
        "| {name} | {} | {} | {} |\n",
        variable.unwrap_or_default(),
        if takes {
            default.join(" ")
        } else {
            String::new()
        },
        help.replace('|', "\\|").replace('\n', " ")
    )
}
