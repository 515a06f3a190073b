//! The command line: flags, variables, defaults and help stand on the fields.

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{ArgMatches, Args, Parser, Subcommand, ValueEnum};

/// What is logged unless told otherwise.
pub const DEFAULT_LOG: &str = "warn,mica=info";

/// A lightweight warehouse: layered views over raw files, served over Arrow Flight SQL.
#[derive(Debug, Parser)]
#[command(name = "mica", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What to log, to stderr: error, warn, info, debug, trace, or a filter such as mica=debug.
    #[arg(
        long,
        global = true,
        env = "MICA_LOG",
        default_value = DEFAULT_LOG,
        value_name = "FILTER"
    )]
    pub log: String,
    /// Write the log as one JSON object a line.
    #[arg(long, global = true, env = "MICA_LOG_JSON")]
    pub log_json: bool,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the warehouse over Flight SQL; with a project, apply it first.
    Serve(ServeArgs),
    /// Make the catalog what a project's files say: all of it, or nothing.
    Apply(ApplyArgs),
    /// Run SQL: an interactive shell, statements, or files; here or on a server.
    Sql(SqlArgs),
    /// Verify the catalog and plan every view again; report what is broken, and why.
    Check(CheckArgs),
    /// Copy the catalog to a new file, while it is in use.
    Backup(BackupArgs),
    /// Write the catalog as SQL that makes it again.
    Export(ExportArgs),
    /// Bring a catalog of an older format to this version's.
    Upgrade(CheckArgs),
    /// Print the reference of flags, settings, statements and functions as Markdown.
    #[command(hide = true)]
    Reference,
}

/// Where the warehouse is.
#[derive(Clone, Debug, Args)]
pub struct WarehouseArgs {
    /// Folder of the warehouse; made if it does not exist.
    #[arg(
        long,
        env = "MICA_WAREHOUSE",
        default_value = "mica-warehouse",
        value_name = "DIR"
    )]
    pub warehouse: PathBuf,
    /// The catalog: sqlite:PATH. By default catalog.db in the warehouse.
    #[arg(long, env = "MICA_CATALOG", value_name = "URL")]
    pub catalog: Option<String>,
    /// Folder below which clients may name files; repeatable. By default the current folder.
    #[arg(
        long = "data-root",
        env = "MICA_DATA_ROOT",
        value_name = "DIR",
        value_delimiter = ':'
    )]
    pub data_roots: Vec<PathBuf>,
}

/// Limits of statements.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Queries that execute at once; further ones wait.
    #[arg(long, env = "MICA_MAX_QUERIES", default_value_t = 16, value_name = "N")]
    pub max_queries: usize,
    /// Queries that may wait; further ones are refused.
    #[arg(
        long,
        env = "MICA_QUEUE_LENGTH",
        default_value_t = 1024,
        value_name = "N"
    )]
    pub queue_length: usize,
    /// Time that a query may wait for its turn.
    #[arg(long, env = "MICA_QUEUE_WAIT", default_value = "60s", value_name = "TIME", value_parser = parse_time)]
    pub queue_wait: u64,
    /// Memory of all queries together; 0 for six tenths of the machine's.
    #[arg(long, env = "MICA_MEMORY_LIMIT", default_value = "0", value_name = "SIZE", value_parser = parse_size)]
    pub memory_limit: u64,
    /// Memory of one statement; 0 for half of the memory limit.
    #[arg(long, env = "MICA_STATEMENT_MEMORY", default_value = "0", value_name = "SIZE", value_parser = parse_size)]
    pub statement_memory: u64,
    /// Disk space for what does not fit into memory, in the folder for temporary files.
    #[arg(long, env = "MICA_SPILL_LIMIT", default_value = "100GB", value_name = "SIZE", value_parser = parse_size)]
    pub spill_limit: u64,
    /// Time that a statement may take; 0 for no limit.
    #[arg(long, env = "MICA_STATEMENT_TIMEOUT", default_value = "0", value_name = "TIME", value_parser = parse_time)]
    pub statement_timeout: u64,
    /// Time without progress after which a query is ended; 0 for no limit.
    #[arg(long, env = "MICA_NO_PROGRESS_TIMEOUT", default_value = "120s", value_name = "TIME", value_parser = parse_time)]
    pub no_progress_timeout: u64,
    /// Time that a client may leave a result unread, or a query that it polls for unpolled.
    #[arg(long, env = "MICA_IDLE_STREAM_TIMEOUT", default_value = "300s", value_name = "TIME", value_parser = parse_time)]
    pub idle_stream_timeout: u64,
    /// Views that may lie on top of each other.
    #[arg(
        long,
        env = "MICA_MAX_VIEW_DEPTH",
        default_value_t = 500,
        value_name = "N"
    )]
    pub max_view_depth: u64,
    /// Plan nodes that the views of a statement may expand to.
    #[arg(
        long,
        env = "MICA_MAX_PLAN_NODES",
        default_value_t = 10_000,
        value_name = "N"
    )]
    pub max_plan_nodes: u64,
    /// Bytes of text files that are read to infer columns.
    #[arg(long, env = "MICA_INFER_MAX_BYTES", default_value = "1GB", value_name = "SIZE", value_parser = parse_size)]
    pub infer_max_bytes: u64,
    /// Seconds that inferring columns may take.
    #[arg(
        long,
        env = "MICA_INFER_MAX_SECONDS",
        default_value_t = 10,
        value_name = "N"
    )]
    pub infer_max_seconds: u64,
}

/// `mica serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Folder of a project to apply before serving.
    pub project: Option<PathBuf>,
    /// The warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
    /// Address of the Flight SQL endpoint; port 0 picks a free port.
    #[arg(
        long,
        env = "MICA_LISTEN",
        default_value = "127.0.0.1:50051",
        value_name = "ADDR",
        value_parser = address
    )]
    pub listen: SocketAddr,
    /// Name of the one user; without it anybody may connect.
    #[arg(
        long,
        env = "MICA_USER",
        value_name = "NAME",
        requires = "password_file"
    )]
    pub user: Option<String>,
    /// File that holds the user's password.
    #[arg(
        long,
        env = "MICA_PASSWORD_FILE",
        value_name = "FILE",
        requires = "user"
    )]
    pub password_file: Option<PathBuf>,
    /// Certificate chain of the server, PEM.
    #[arg(long, env = "MICA_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, env = "MICA_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Listen beyond loopback without TLS or without a login.
    #[arg(long, env = "MICA_ALLOW_INSECURE")]
    pub allow_insecure: bool,
    /// Sessions that may be open at once.
    #[arg(
        long,
        env = "MICA_MAX_SESSIONS",
        default_value_t = 10_000,
        value_name = "N"
    )]
    pub max_sessions: usize,
    /// Time after which an unused session ends.
    #[arg(long, env = "MICA_SESSION_TTL", default_value = "12h", value_name = "TIME", value_parser = parse_time)]
    pub session_ttl: u64,
    /// Bytes of one request: a message, or all parameters that are bound at once.
    #[arg(long, env = "MICA_MAX_REQUEST_SIZE", default_value = "64MB", value_name = "SIZE", value_parser = parse_size)]
    pub max_request_size: u64,
    /// Bytes of parameters that are kept for prepared statements of clients that do not keep them
    /// themselves; the ones used longest ago are forgotten.
    #[arg(long, env = "MICA_MAX_BINDINGS_SIZE", default_value = "64MB", value_name = "SIZE", value_parser = parse_size)]
    pub max_bindings_size: u64,
    /// Time that tickets and prepared statements can be used.
    #[arg(long, env = "MICA_TICKET_TTL", default_value = "24h", value_name = "TIME", value_parser = parse_time)]
    pub ticket_ttl: u64,
    /// Time that PollFlightInfo waits for the end of its query before it tells how far it is.
    #[arg(long, env = "MICA_POLL_WAIT", default_value = "500ms", value_name = "TIME", value_parser = parse_time)]
    pub poll_wait: u64,
    /// Queries that are polled for at once: running, or done with their results kept.
    #[arg(long, env = "MICA_MAX_POLLED", default_value_t = 256, value_name = "N")]
    pub max_polled: usize,
    /// Bytes of all results that are kept of polled queries; those polled for longest ago are
    /// forgotten, and run again when they are fetched.
    #[arg(long, env = "MICA_MAX_POLLED_SIZE", default_value = "10GB", value_name = "SIZE", value_parser = parse_size)]
    pub max_polled_size: u64,
    /// Time that the result of a polled query is kept after the last poll.
    #[arg(long, env = "MICA_POLLED_TTL", default_value = "10m", value_name = "TIME", value_parser = parse_time)]
    pub polled_ttl: u64,
    /// Time that running queries get to finish when the server is told to stop.
    #[arg(long, env = "MICA_SHUTDOWN_GRACE", default_value = "30s", value_name = "TIME", value_parser = parse_time)]
    pub shutdown_grace: u64,
    /// Time that replaced and dropped definitions are kept for RESTORE and UNDROP.
    #[arg(long, env = "MICA_HISTORY_RETENTION", default_value = "30d", value_name = "TIME", value_parser = parse_time)]
    pub history_retention: u64,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// `mica apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Folder of the project.
    pub project: PathBuf,
    /// Show what would change; change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Drop what the project's files no longer create.
    #[arg(long)]
    pub prune: bool,
    /// The warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// `mica sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// Statements to run; repeatable. With --file, in the order given.
    #[arg(short, long, value_name = "SQL")]
    pub execute: Vec<String>,
    /// File of statements to run; repeatable.
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Both, in the order in which they were given.
    #[arg(skip)]
    pub scripts: Vec<Script>,
    /// A Flight SQL server, as grpc://HOST:PORT or grpc+tls://HOST:PORT, instead of the warehouse.
    #[arg(long, env = "MICA_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// User on the server.
    #[arg(long, env = "MICA_USER", value_name = "NAME")]
    pub user: Option<String>,
    /// File that holds the user's password.
    #[arg(long, env = "MICA_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Certificates that the server's is checked with, PEM; by default the system's.
    #[arg(long, env = "MICA_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Dialect of the statements: ansi or spark.
    #[arg(long, env = "MICA_DIALECT", value_name = "NAME")]
    pub dialect: Option<String>,
    /// How rows are shown.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// The warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// What `mica sql` runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Statements.
    Text(String),
    /// A file of statements.
    File(PathBuf),
}

impl Cli {
    /// The command line of `arguments`. Ends the process where it is wrong, or asks for help.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Self {
        use clap::{CommandFactory, FromArgMatches};
        let matches = Self::command().get_matches_from(arguments);
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let (Command::Sql(sql), Some((_, given))) = (&mut cli.command, matches.subcommand()) {
            sql.scripts = scripts(sql, given);
        }
        cli
    }
}

/// `-e` and `-f` in the order in which they were given.
fn scripts(sql: &SqlArgs, given: &ArgMatches) -> Vec<Script> {
    let places = |name| given.indices_of(name).into_iter().flatten();
    let texts = sql.execute.iter().cloned().map(Script::Text);
    let files = sql.file.iter().cloned().map(Script::File);
    let mut scripts: Vec<(usize, Script)> = places("execute").zip(texts).collect();
    scripts.extend(places("file").zip(files));
    scripts.sort_by_key(|(place, _)| *place);
    scripts.into_iter().map(|(_, script)| script).collect()
}

/// How rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table that fits the terminal.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values without a header, as spark-sql prints.
    Tsv,
    /// One JSON object a line.
    Json,
    /// A Markdown table.
    Markdown,
    /// One column a line.
    Vertical,
}

/// `mica check` and `mica upgrade`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// `mica backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The new file.
    pub target: PathBuf,
    /// The warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// `mica export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The new file; by default stdout.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The warehouse.
    #[command(flatten)]
    pub warehouse: WarehouseArgs,
}

/// `64MB`, `2GiB` or a number of bytes.
fn parse_size(text: &str) -> Result<u64, String> {
    let units = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("b", 1),
        ("", 1),
    ];
    scaled(text, &units).ok_or_else(|| "expected a size such as 64MB or 2GiB".to_owned())
}

/// `500ms`, `30s`, `5m`, `12h`, `30d` or a number of seconds; in milliseconds.
fn parse_time(text: &str) -> Result<u64, String> {
    let units = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("", 1_000),
    ];
    scaled(text, &units).ok_or_else(|| "expected a time such as 500ms, 30s, 5m or 12h".to_owned())
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (unit, scale) = units.iter().find(|(unit, _)| {
        let number = text.strip_suffix(unit);
        number.is_some_and(|number| number.trim().parse::<u64>().is_ok())
    })?;
    let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    number.checked_mul(*scale)
}

/// An address and a port; a name is the first of its addresses, an IPv4 one if there is any.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wanted = "expected ADDRESS:PORT, such as 127.0.0.1:50051 or 0.0.0.0:50051";
    let found = text.to_socket_addrs();
    let found: Vec<SocketAddr> = found
        .map_err(|error| format!("{error}; {wanted}"))?
        .collect();
    let first = found
        .iter()
        .find(|address| address.is_ipv4())
        .or(found.first());
    first.copied().ok_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn statements_and_files_keep_their_order() {
        let arguments = [
            "mica", "sql", "-f", "a.sql", "-e", "SELECT 1", "-f", "b.sql",
        ];
        let cli = Cli::read(arguments.map(OsString::from));
        let Command::Sql(sql) = cli.command else {
            panic!("{cli:?}");
        };
        let file = |name: &str| Script::File(PathBuf::from(name));
        let expected = [
            file("a.sql"),
            Script::Text("SELECT 1".to_owned()),
            file("b.sql"),
        ];
        assert_eq!(sql.scripts, expected);
    }

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(parse_size("64MB"), Ok(64_000_000));
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("7"), Ok(7));
        assert!(parse_size("64X").is_err());
        assert_eq!(parse_time("500ms"), Ok(500));
        assert_eq!(parse_time("2m"), Ok(120_000));
        assert_eq!(parse_time("3"), Ok(3_000));
        assert!(parse_time("-1s").is_err());
    }
}
