//! The log: one line a statement.

use tonic::Code;
use tracing::info;

/// Says that a statement has ended.
pub(crate) fn statement(query_id: u64, user: &str, elapsed_ms: u64, rows: u64, code: Code) {
    info!(query_id, user, elapsed_ms, rows, code = ?code, "statement finished");
}

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
