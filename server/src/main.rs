//! The `mica` command.

use std::process::ExitCode;

// The C library's allocator gives large buffers back to the system as soon as they are free, and
// each page is faulted in anew: a scan whose batches take megabytes spends 7 % of its CPU on that.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    mica::main()
}
