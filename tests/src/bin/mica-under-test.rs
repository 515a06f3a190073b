//! `mica` with fail points: the binary that tests start.
//!
//! `MICA_TEST_CRASH=point:n` ends the process, without any tidying up, when `point` is reached for
//! the n-th time.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() -> ExitCode {
    if let Ok(crash) = std::env::var("MICA_TEST_CRASH")
        && let Some((point, count)) = crash.rsplit_once(':')
        && let Ok(count) = count.parse::<u64>()
    {
        let seen = AtomicU64::new(0);
        let armed = fail::cfg_callback(point, move || {
            if seen.fetch_add(1, Ordering::SeqCst) + 1 == count {
                std::process::abort();
            }
        });
        if let Err(error) = armed {
            eprintln!("the fail point '{point}' cannot be armed: {error}");
            return ExitCode::FAILURE;
        }
    }
    mica::main()
}
