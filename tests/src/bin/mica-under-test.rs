//! `mica` with fail points: the binary that tests start.
//!
//! `MICA_TEST_CRASH=point:n` ends the process, without any tidying up, when `point` is reached for
//! the n-th time. `MICA_TEST_DELAY=point:ms` makes each arrival at `point` take so long.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() -> ExitCode {
    let crash = armed("MICA_TEST_CRASH", |point, count| {
        let seen = AtomicU64::new(0);
        fail::cfg_callback(point, move || {
            if seen.fetch_add(1, Ordering::SeqCst) + 1 == count {
                std::process::abort();
            }
        })
    });
    let delay = armed("MICA_TEST_DELAY", |point, ms| {
        fail::cfg(point, &format!("sleep({ms})"))
    });
    match crash.and(delay) {
        Ok(()) => mica::main(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Arms the fail point that a variable names as `point:number`, if it is set.
fn armed(variable: &str, arm: impl FnOnce(&str, u64) -> Result<(), String>) -> Result<(), String> {
    let Ok(value) = std::env::var(variable) else {
        return Ok(());
    };
    let wrong = || format!("{variable} is '{value}': expected point:number");
    let (point, number) = value.rsplit_once(':').ok_or_else(wrong)?;
    arm(point, number.parse().map_err(|_| wrong())?)
}
