//! The log: one line a statement.

use std::sync::atomic::Ordering;

use tonic::Code;
use tracing::{debug, error, info};

use crate::error::{Error, chain};
use crate::queries::Query;

/// Says that a statement has ended. `statement` is the same for the same text, so that a slow or
/// failing one can be found again; the text itself, which may hold personal data, is logged with
/// `--log mica=debug` only.
pub(crate) fn ended(query: &Query, error: Option<&Error>) {
    let elapsed_ms = query.started.elapsed().as_millis() as u64;
    let rows = query.rows.load(Ordering::Relaxed);
    let code = error.map_or(Code::Ok, crate::status::code);
    let statement = &blake3::hash(query.text.as_bytes()).to_hex()[..DIGEST_DIGITS];
    let (query_id, user) = (query.id, &query.user);
    info!(query_id, user, elapsed_ms, rows, code = ?code, statement, "statement finished");
    debug!(query_id, statement, text = query.text, "statement text");
    if code == Code::Internal
        && let Some(problem) = error
    {
        let detail = match problem {
            Error::Internal { detail, .. } => detail.clone(),
            other => chain(other),
        };
        error!(query_id, detail, "internal error");
    }
}

/// Digits of a statement's digest in the log.
const DIGEST_DIGITS: usize = 16;

/// Where the log goes: stderr, as text or as JSON lines.
///
/// # Errors
/// A text for a filter that cannot be understood.
pub(crate) fn start(filter: &str, json: bool) -> Result<(), String> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt()
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first.
    let _ = match json {
        true => builder.json().try_init(),
        false => builder.try_init(),
    };
    Ok(())
}
