//! One-line commands of other shells, as the statements that they stand for.
//!
//! psql's (`\d`), beeline's (`!tables`) and DuckDB's (`.tables`): who comes from there types them
//! before thinking.

/// The statement that a line of psql, beeline or DuckDB stands for; none if it is no such line.
///
/// # Errors
/// A message that names the command, if there is none of that name, or it takes no argument.
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
    let sql = match command.to_ascii_lowercase().as_str() {
        "\\?" | "\\i" | ".help" | ".read" | ".quit" | ".exit" => return None,
        "\\d" | "!columns" | "!describe" => described("DESCRIBE"),
        "\\d+" => described("DESCRIBE EXTENDED"),
        ".schema" | "\\sv" => described("SHOW CREATE TABLE"),
        "\\c" if !argument.is_empty() => format!("USE {argument}"),
        _ => match bare(command) {
            Some(sql) if argument.is_empty() => sql.to_owned(),
            Some(_) => {
                let hint = "the statements of SQL do: SHOW TABLES LIKE '..'";
                return Some(Err(format!("'{command}' takes no argument here; {hint}")));
            }
            None => {
                return Some(Err(format!(
                    "'{command}' is no command; type help; for those"
                )));
            }
        },
    };
    Some(Ok(sql))
}

/// The statement behind a command that stands alone.
fn bare(command: &str) -> Option<&'static str> {
    Some(match command.to_ascii_lowercase().as_str() {
        "\\dt" | "\\dt+" | "!tables" | ".tables" => "SHOW TABLES",
        "\\dv" | "\\dv+" => "SHOW VIEWS",
        "\\l" | "\\dn" | "\\dn+" | ".databases" => "SHOW SCHEMAS",
        "\\df" => "SHOW FUNCTIONS",
        "\\q" | "!q" | "!quit" | "!exit" => "quit",
        "\\h" | "!help" => "help",
        _ => return None,
    })
}

/// Whether a line begins like a command of psql, beeline or DuckDB, and no statement of SQL does.
pub(super) fn is_meta(line: &str) -> bool {
    let line = line.trim();
    let mut chars = line.chars();
    let (first, second) = (chars.next(), chars.next());
    let begins = matches!(first, Some('\\' | '!' | '.'))
        && second.is_some_and(|ch| ch.is_ascii_alphabetic() || ch == '?');
    begins && !line.trim_end_matches(';').contains(['\n', ';'])
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
        for line in [
            "SELECT 1",
            "\\i file.sql",
            ".5",
            "!",
            "!x\nSELECT 1",
            ".tables; SELECT 1",
        ] {
            check(line, None);
        }
        for line in ["\\frob", "\\dt zz*"] {
            assert!(matches!(statement(line), Some(Err(_))), "{line}");
        }
    }
}
