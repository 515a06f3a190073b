//! The interactive shell: history, completion, statements over several lines.

use std::path::PathBuf;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper};

use mica_sql::Dialect;

use super::meta;
use super::script::Shell;
use crate::commands::{AnyError, Outcome};

/// Words that complete besides names of relations.
const WORDS: [&str; 44] = [
    "ALTER", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COMMENT", "COUNT", "CREATE",
    "DESC", "DESCRIBE", "DISTINCT", "DROP", "ELSE", "END", "EXPLAIN", "EXTERNAL", "FROM", "GROUP",
    "HAVING", "IN", "INNER", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "NOT", "NULL", "ON", "OR",
    "ORDER", "REPLACE", "SELECT", "SHOW", "TABLE", "TABLES", "THEN", "VIEW", "WHEN", "WHERE",
    "WITH",
];

struct Assistant {
    dialect: Dialect,
    names: Vec<String>,
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    /// A statement goes on until its `;`, which must not be inside a string or a comment.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input().trim();
        let ended = text.is_empty() || text.ends_with(';') || is_shell_word(text);
        let open = mica_sql::is_open(text, self.dialect);
        Ok(match ended && !open {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

fn is_shell_word(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    matches!(word.as_str(), "quit" | "exit" | "help") || meta::is_meta(text)
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..position];
        let start = before
            .rfind(|ch: char| !ch.is_alphanumeric() && ch != '_' && ch != '.')
            .map_or(0, |at| {
                at + before[at..].chars().next().map_or(1, char::len_utf8)
            });
        let prefix = before[start..].to_lowercase();
        if prefix.is_empty() {
            return Ok((start, Vec::new()));
        }
        let upper = before[start..].chars().all(|ch| !ch.is_lowercase());
        let words = WORDS.iter().map(|word| match upper {
            true => (*word).to_owned(),
            false => word.to_lowercase(),
        });
        let candidates = self.names.iter().cloned().chain(words);
        let pairs = candidates
            .filter(|candidate| candidate.to_lowercase().starts_with(&prefix))
            .map(|candidate| Pair {
                display: candidate.clone(),
                replacement: candidate,
            });
        Ok((start, pairs.collect()))
    }
}

/// `~/.mica_history`, or `MICA_HISTORY`.
fn history_file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("MICA_HISTORY") {
        return Some(PathBuf::from(path));
    }
    let home = std::env::var_os("HOME")?;
    Some(PathBuf::from(home).join(".mica_history"))
}

/// Runs what was typed. Ctrl-C ends it, and not the shell.
async fn until_interrupted(shell: &mut Shell, text: &str) -> Result<bool, AnyError> {
    tokio::select! {
        outcome = shell.script(text, None) => outcome,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("interrupted");
            Ok(true)
        }
    }
}

/// Reads and runs statements until the end of input or `quit`.
pub(super) async fn run(mut shell: Shell) -> Outcome {
    let config = Config::builder()
        .auto_add_history(true)
        .max_history_size(10_000)?
        .build();
    let mut editor: Editor<Assistant, DefaultHistory> = Editor::with_config(config)?;
    let history = history_file();
    if let Some(path) = &history {
        let _ = editor.load_history(path);
    }
    println!("Mica {} on {}", env!("CARGO_PKG_VERSION"), shell.describe());
    println!("Statements end with ';'. Type help; for help, quit; to leave.");
    loop {
        let names = shell.relation_names().await.unwrap_or_default();
        editor.set_helper(Some(Assistant {
            dialect: shell.dialect(),
            names,
        }));
        let prompt = match shell.dialect() {
            Dialect::Ansi => "mica> ".to_owned(),
            other => format!("mica ({other})> "),
        };
        // Reading blocks this thread alone; queries run on others.
        match tokio::task::block_in_place(|| editor.readline(&prompt)) {
            Ok(text) => match until_interrupted(&mut shell, &text).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => eprintln!("error: {}", crate::error::chain(&*error)),
            },
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(AnyError::from(error)),
        }
    }
    if let Some(path) = &history {
        let _ = editor.save_history(path);
    }
    Ok(true)
}
