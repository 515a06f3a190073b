//! One-line commands of other shells, as the statements that they stand for.
//!
//! psql's (`\d`), beeline's (`!tables`) and DuckDB's (`.tables`): who comes from there types them
//! before thinking.

/// The statement that a line of psql, beeline or DuckDB stands for; none if it is no such line.
pub(super) fn statement(line: &str) -> Option<Result<String, String>> {
    let line = line.trim().trim_end_matches(';').trim_end();
    if !is_meta(line) {
        return None;
    }
    let (command, argument) = match line.split_once(char::is_whitespace) {
        Some((command, argument)) => (command, argument.trim()),
        None => (line, ""),
    };
    let described = |with: &str| match argument {
        "" => "SHOW TABLES".to_owned(),
        name => format!("{with} {name}"),
    };
    Some(Ok(match command.to_ascii_lowercase().as_str() {
        "\\d" | "!columns" | "!describe" => described("DESCRIBE"),
        "\\d+" => described("DESCRIBE EXTENDED"),
        "\\dt" | "\\dt+" | "!tables" | ".tables" => "SHOW TABLES".to_owned(),
        "\\dv" | "\\dv+" => "SHOW VIEWS".to_owned(),
        "\\l" | "\\dn" | "\\dn+" | ".databases" => "SHOW SCHEMAS".to_owned(),
        "\\df" => "SHOW FUNCTIONS".to_owned(),
        ".schema" | "\\sv" => described("SHOW CREATE TABLE"),
        "\\c" if !argument.is_empty() => format!("USE {argument}"),
        "\\q" | "!q" | "!quit" | "!exit" => "quit".to_owned(),
        "\\h" | "!help" => "help".to_owned(),
        "\\?" | "\\i" | ".help" | ".read" | ".quit" | ".exit" => return None,
        _ => {
            return Some(Err(format!(
                "'{command}' is no command; type help; for those"
            )));
        }
    }))
}

/// Whether a line begins like a command of psql, beeline or DuckDB, and no statement of SQL does.
pub(super) fn is_meta(line: &str) -> bool {
    let line = line.trim();
    let mut chars = line.chars();
    let begins = matches!(chars.next(), Some('\\' | '!' | '.'));
    begins
        && chars
            .next()
            .is_some_and(|ch| ch.is_ascii_alphabetic() || ch == '?')
        && !line.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        assert_eq!(statement(line), expected.map(|sql| Ok(sql.to_owned())));
    }

    #[test]
    fn commands_of_other_shells_are_statements() {
        check("\\d", Some("SHOW TABLES"));
        check("\\d+ facts.daily;", Some("DESCRIBE EXTENDED facts.daily"));
        check("!tables", Some("SHOW TABLES"));
        check(".schema customers", Some("SHOW CREATE TABLE customers"));
        check("\\q", Some("quit"));
    }

    #[test]
    fn sql_and_the_shell_s_own_words_are_left_alone() {
        for line in ["SELECT 1", "\\i file.sql", ".5", "!", "!x\nSELECT 1"] {
            check(line, None);
        }
        assert!(matches!(statement("\\frob"), Some(Err(_))));
    }
}
