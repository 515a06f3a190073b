//! The binary from outside, as users start it: clients, restarts, crashes, limits, bad input.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test waits for its tasks itself"
)]

mod e2e {
    mod access;
    mod bad_input;
    mod clients;
    mod crash;
    mod damage;
    mod docs;
    mod kept_plans;
    mod large_files;
    mod limits;
    mod metadata;
    mod mistakes;
    mod operations;
    mod poll;
    mod prepared;
    mod restart;
    mod shell;
    mod tickets;
    mod workspace;
}

/// The binary under test.
const MICA: &str = env!("CARGO_BIN_EXE_mica-under-test");

/// `path` below `folder`, as an argument.
fn below(folder: &tempfile::TempDir, path: &str) -> String {
    folder.path().join(path).to_string_lossy().into_owned()
}

/// The example project.
fn c360() -> String {
    let folder = mica_tests::repository().join("examples/c360");
    folder.to_string_lossy().into_owned()
}

/// Writes a file below `folder`, with its folders.
fn write(folder: &tempfile::TempDir, path: &str, text: &str) {
    let path = folder.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
