//! From what was typed to what was decided.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mica_data::{InferenceLimits, Roots};
use mica_sql::Limits;

use crate::args::{LimitArgs, ServeArgs, WarehouseArgs};
use crate::engine::{EngineLimits, PolledLimits};
use crate::flight::{Auth, Password, ServiceLimits};
use crate::warehouse::WarehouseConfig;

/// Why the command line cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Another catalog than SQLite.
    #[error("the catalog '{url}' is not supported: expected sqlite:PATH")]
    Catalog {
        /// As written.
        url: String,
    },
    /// A data root cannot be resolved.
    #[error(transparent)]
    Roots(#[from] mica_data::Error),
    /// A file cannot be read.
    #[error("cannot read '{path}' ({flag})")]
    File {
        /// The file.
        path: PathBuf,
        /// The flag that named it.
        flag: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The password is empty.
    #[error("'{path}' holds no password (--password-file)")]
    EmptyPassword {
        /// The file.
        path: PathBuf,
    },
    /// The server would be open to the network.
    #[error(
        "{listen} is beyond loopback and {missing}: add {flags}, or --allow-insecure to serve like this"
    )]
    Insecure {
        /// Where it would listen.
        listen: SocketAddr,
        /// What is missing.
        missing: &'static str,
        /// The flags that add it.
        flags: &'static str,
    },
    /// The current folder is gone.
    #[error("cannot tell the current folder")]
    CurrentFolder(#[source] std::io::Error),
}

/// Certificate and key, PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificate chain.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// How to serve.
#[derive(Debug)]
pub struct ServeConfig {
    /// The project to apply first.
    pub project: Option<PathBuf>,
    /// The warehouse.
    pub warehouse: WarehouseConfig,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may connect.
    pub auth: Auth,
    /// Encryption, if any.
    pub tls: Option<Tls>,
    /// Sessions that may be open.
    pub max_sessions: usize,
    /// What clients may make the service keep.
    pub service: ServiceLimits,
    /// How long an unused session lives.
    pub session_ttl: Duration,
    /// How long running queries get at the end.
    pub shutdown_grace: Duration,
    /// How long history is kept.
    pub history_retention: Duration,
}

/// The warehouse of these flags.
///
/// # Errors
/// [`ConfigError`].
pub fn warehouse(args: &WarehouseArgs, limits: &LimitArgs) -> Result<WarehouseConfig, ConfigError> {
    let roots = match args.data_roots.as_slice() {
        [] => vec![std::env::current_dir().map_err(ConfigError::CurrentFolder)?],
        roots => roots.to_vec(),
    };
    Ok(WarehouseConfig {
        catalog: catalog(args)?,
        roots: Roots::new(&roots)?,
        engine: engine(limits),
        plan: Limits {
            view_depth_max: limits.max_view_depth,
            plan_nodes_max: limits.max_plan_nodes,
        },
        inference: InferenceLimits {
            bytes_max: limits.infer_max_bytes,
            seconds_max: limits.infer_max_seconds,
        },
    })
}

/// The catalog's file.
///
/// # Errors
/// [`ConfigError::Catalog`].
pub fn catalog(args: &WarehouseArgs) -> Result<PathBuf, ConfigError> {
    match &args.catalog {
        None => Ok(args.warehouse.join("catalog.db")),
        Some(url) => match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => Err(ConfigError::Catalog { url: url.clone() }),
        },
    }
}

fn engine(limits: &LimitArgs) -> EngineLimits {
    let or_none = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
    let memory_limit = match limits.memory_limit {
        0 => machine_memory() / 10 * 6,
        set => set,
    };
    let statement_memory = match limits.statement_memory {
        0 => memory_limit / 2,
        set => set,
    };
    EngineLimits {
        max_queries: limits.max_queries.max(1),
        queue_length: limits.queue_length,
        queue_wait: Duration::from_millis(limits.queue_wait),
        memory_limit: memory_limit as usize,
        statement_memory: statement_memory as usize,
        statement_timeout: or_none(limits.statement_timeout),
        no_progress_timeout: or_none(limits.no_progress_timeout),
        idle_stream_timeout: Duration::from_millis(limits.idle_stream_timeout),
        spill_limit: limits.spill_limit,
        ..EngineLimits::default()
    }
}

/// Memory of the machine, in bytes; 4 GiB where it cannot be told.
fn machine_memory() -> u64 {
    const FALLBACK: u64 = 4 << 30;
    let kib = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        });
    kib.map_or(FALLBACK, |kib| kib * 1024)
}

/// How to serve with these flags.
///
/// # Errors
/// [`ConfigError`].
pub fn serve(args: ServeArgs) -> Result<ServeConfig, ConfigError> {
    let service = service_limits(&args);
    let auth = match (args.user, &args.password_file) {
        (Some(name), Some(file)) => Auth::User {
            name,
            password: Password::new(&password(file)?),
        },
        _ => Auth::Open,
    };
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls {
            certificate: read(certificate, "--tls-cert")?,
            key: read(key, "--tls-key")?,
        }),
        _ => None,
    };
    if !args.allow_insecure {
        check_secure(
            args.listen,
            tls.is_some(),
            matches!(auth, Auth::User { .. }),
        )?;
    }
    Ok(ServeConfig {
        service,
        project: args.project,
        warehouse: warehouse(&args.warehouse, &args.limits)?,
        listen: args.listen,
        auth,
        tls,
        max_sessions: args.max_sessions,
        session_ttl: Duration::from_millis(args.session_ttl),
        shutdown_grace: Duration::from_millis(args.shutdown_grace),
        history_retention: Duration::from_millis(args.history_retention),
    })
}

fn service_limits(args: &ServeArgs) -> ServiceLimits {
    ServiceLimits {
        request_bytes: usize::try_from(args.max_request_size).unwrap_or(usize::MAX),
        bindings_bytes: args.max_bindings_size,
        ticket_ttl: Duration::from_millis(args.ticket_ttl),
        polled: PolledLimits {
            wait: Duration::from_millis(args.poll_wait),
            max: args.max_polled,
            bytes: args.max_polled_size,
            ttl: Duration::from_millis(args.polled_ttl),
        },
    }
}

/// Beyond loopback a server wants TLS and a login.
fn check_secure(listen: SocketAddr, tls: bool, login: bool) -> Result<(), ConfigError> {
    let insecure = |missing, flags| {
        Err(ConfigError::Insecure {
            listen,
            missing,
            flags,
        })
    };
    match (listen.ip().is_loopback(), tls, login) {
        (true, ..) | (false, true, true) => Ok(()),
        (false, false, true) => insecure("has no TLS", "--tls-cert and --tls-key"),
        (false, true, false) => insecure("has no login", "--user and --password-file"),
        (false, false, false) => insecure(
            "has neither TLS nor a login",
            "--tls-cert, --tls-key, --user and --password-file",
        ),
    }
}

fn read(path: &Path, flag: &'static str) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        flag,
        source,
    })
}

/// The password in a file: its first line.
///
/// # Errors
/// [`ConfigError::File`], [`ConfigError::EmptyPassword`].
pub fn password(path: &Path) -> Result<String, ConfigError> {
    let bytes = read(path, "--password-file")?;
    let text = String::from_utf8_lossy(&bytes);
    match text.lines().next().unwrap_or("") {
        "" => Err(ConfigError::EmptyPassword {
            path: path.to_owned(),
        }),
        line => Ok(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_tls_and_a_login_are_wanted() {
        let check = |listen: &str, tls, login| {
            check_secure(listen.parse().unwrap(), tls, login).map_err(|error| error.to_string())
        };
        assert!(check("127.0.0.1:1", false, false).is_ok());
        assert!(check("[::1]:1", false, false).is_ok());
        assert!(check("0.0.0.0:1", true, true).is_ok());
        assert!(
            check("0.0.0.0:1", true, false)
                .unwrap_err()
                .contains("--user")
        );
        assert!(
            check("0.0.0.0:1", false, true)
                .unwrap_err()
                .contains("--tls-cert")
        );
        assert!(
            check("10.0.0.1:1", false, false)
                .unwrap_err()
                .contains("--allow-insecure")
        );
    }
}
