//! The Flight SQL service.
//!
//! ```text
//! GetFlightInfo(command) --+--> query:    plan -> schema + sealed ticket; nothing runs, nothing is kept
//!                          +--> command:  runs once, here -> empty schema + ticket of an empty answer
//!                          `--> metadata: schema + ticket that is the command itself
//! PollFlightInfo(command) -> as GetFlightInfo, but a query runs, and its result is kept for DoGet
//! DoGet(ticket)  -> opened, planned again at its version -> schema at once, batches as they come
//! ```
//!
//! It implements `FlightService` itself, on `arrow-flight`'s `Command`: the blanket implementation
//! behind `FlightSqlService` answers GetSchema, PollFlightInfo and ListFlights with Unimplemented,
//! cannot be overridden there, and would be 45 methods for what is one `match` here.
//!
//! # Invariants
//! * One function makes the wire schema; all of Prepare, GetFlightInfo, GetSchema, GetTables and
//!   DoGet use it.
//! * A ticket can be used again, from any connection of the same user, on any process with the
//!   catalog. A DoGet never repeats a change.
//! * Every RPC checks who it is.

mod actions;
mod asked;
mod auth;
mod cancel;
mod fetch;
mod function_lists;
mod info;
mod keys;
mod list;
mod messages;
mod metadata;
mod parameters;
mod poll;
mod prepared;
mod put;
mod service;
mod sql_info;
mod statements;
mod tickets;
mod xdbc;

use std::sync::Arc;
use std::time::Duration;

pub use auth::{Auth, Password};
pub(crate) use fetch::Service;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::engine::{PolledLimits, PolledQueries};
use crate::session::Sessions;
use crate::warehouse::Warehouse;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct FlightSql {
    shared: Arc<Shared>,
}

// It holds the key of the tickets, and what is bound to statements.
impl std::fmt::Debug for FlightSql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlightSql").finish_non_exhaustive()
    }
}

struct Shared {
    warehouse: Warehouse,
    sessions: Sessions,
    auth: Auth,
    key: [u8; 32],
    /// Parameters bound to a prepared statement under its first handle, for clients that do not
    /// take the new one.
    bindings: Cache<Vec<u8>, Arc<Vec<u8>>, Bytes>,
    /// Ids of tickets that were cancelled. Of many, the ones asked for longest ago are forgotten.
    cancelled: Cache<Vec<u8>, ()>,
    /// Queries that are polled for, and their results.
    polled: PolledQueries,
    limits: ServiceLimits,
}

/// What clients may make the service keep.
#[derive(Clone, Copy, Debug)]
pub struct ServiceLimits {
    /// Bytes of one request: a message, or all parameters that are bound at once.
    pub request_bytes: usize,
    /// Bytes of parameters kept for prepared statements.
    pub bindings_bytes: u64,
    /// How long tickets and handles are valid.
    pub ticket_ttl: Duration,
    /// What polled queries may take.
    pub polled: PolledLimits,
}

/// Parameters by their bytes.
#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Vec<u8>, Arc<Vec<u8>>> for Bytes {
    fn weight(&self, id: &Vec<u8>, parameters: &Arc<Vec<u8>>) -> u64 {
        (id.len() + parameters.len()) as u64
    }
}

impl FlightSql {
    /// The service over a warehouse.
    pub fn new(
        warehouse: Warehouse,
        sessions: Sessions,
        auth: Auth,
        limits: ServiceLimits,
    ) -> Self {
        const BINDINGS_EXPECTED: usize = 1000;
        const CANCELLED_MAX: usize = 10_000;
        Self {
            shared: Arc::new(Shared {
                key: warehouse.ticket_key(),
                polled: PolledQueries::new(warehouse.engine().clone(), limits.polled),
                warehouse,
                sessions,
                auth,
                bindings: Cache::with_weighter(BINDINGS_EXPECTED, limits.bindings_bytes, Bytes),
                cancelled: Cache::new(CANCELLED_MAX),
                limits,
            }),
        }
    }

    /// Queries that are polled for.
    pub fn polled(&self) -> &PolledQueries {
        &self.shared.polled
    }
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |elapsed| elapsed.as_millis() as i64)
}
