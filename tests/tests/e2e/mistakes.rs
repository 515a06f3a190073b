//! The mistakes of Flight SQL servers that break clients, one test each: shows that Mica does not
//! make it. The evidence for each is a bug report against some server or driver.
//!
//! Others are shown elsewhere: SqlInfo's values and metadata schemas in `metadata`, parameters in
//! `prepared`, tickets and cancelling in `tickets`, ends of queries in `limits`.

mod protocol;
mod results;
mod sessions;

use mica_tests::Server;
use tempfile::TempDir;

use crate::{MICA, below};

/// A server with nothing in it.
fn serve() -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let warehouse = below(&folder, "warehouse");
    let server = Server::start(MICA, &["--warehouse", &warehouse]);
    (folder, server)
}
