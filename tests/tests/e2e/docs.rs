//! The README and the guide, run as they are written.

use std::path::PathBuf;
use std::process::Command;

use mica_tests::{Server, repository};
use tempfile::TempDir;

use crate::e2e::clients::installed;
use crate::{MICA, below, c360};

/// A fenced block: its language, and its text.
#[derive(Debug)]
struct Block {
    language: String,
    text: String,
    /// Whether nothing but blank lines stands between it and the block before.
    follows: bool,
}

fn blocks(file: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(repository().join(file)).unwrap();
    let mut blocks = Vec::new();
    let (mut open, mut prose): (Option<Block>, bool) = (None, true);
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => {
                blocks.extend(open.take());
                prose = false;
            }
            (Some(language), None) => {
                open = Some(Block {
                    language: language.to_owned(),
                    text: String::new(),
                    follows: !prose,
                });
            }
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => prose |= !line.trim().is_empty(),
        }
    }
    blocks
}

/// A folder where `mica` is the binary under test, and `examples` the example projects.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    for (target, name) in [
        (PathBuf::from(MICA), "bin/mica"),
        (repository().join("examples"), "examples"),
    ] {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    }
    folder
}

/// stdout of `script`, which must succeed.
fn shell(folder: &TempDir, script: &str) -> String {
    let path = format!(
        "{}:{}",
        below(folder, "bin"),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the shell blocks that `runs` lets through, and compares what follows them.
fn run_all(folder: &TempDir, blocks: &[Block], runs: impl Fn(&str) -> Option<String>) -> usize {
    let mut count = 0;
    for (at, block) in blocks.iter().enumerate() {
        let Some(script) = Some(block).filter(|block| block.language == "sh") else {
            continue;
        };
        let Some(script) = runs(&script.text) else {
            continue;
        };
        let shown = shell(folder, &script);
        count += 1;
        let expected = blocks.get(at + 1);
        if let Some(expected) = expected.filter(|next| next.follows && next.language == "text") {
            assert_eq!(shown, expected.text, "{script}");
        }
    }
    count
}

#[test]
fn the_guide_does_what_it_says() {
    let folder = folder();
    let count = run_all(&folder, &blocks("docs/guide.md"), |script| {
        Some(script.to_owned())
    });
    assert!(count >= 8, "{count} blocks");
}

#[test]
fn the_readme_s_tour_does_what_it_says() {
    let folder = folder();
    let warehouse = below(&folder, "mica-warehouse");
    let server = Server::start(MICA, &[&c360(), "--warehouse", &warehouse]);
    let here = |text: &str| text.replace("127.0.0.1:50051", server.address());
    let blocks = blocks("README.md");
    // Its first two commands build and test; the server is running already.
    let tour = |script: &str| {
        let of_the_tour = script.starts_with("mica ") && !script.starts_with("mica serve");
        of_the_tour.then(|| here(script))
    };
    assert!(run_all(&folder, &blocks, tour) >= 3);
    let python: Vec<&Block> = blocks.iter().filter(|b| b.language == "python").collect();
    assert_eq!(python.len(), 1);
    let output = Command::new(installed("venv/bin/python"))
        .args(["-c", &here(&python[0].text)])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        shown.contains("Anderson") && shown.contains("CUST009"),
        "{shown}\n{stderr}"
    );
}

/// The programs of `docs/clients.md`, which are files beside it, too.
#[test]
fn the_clients_page_shows_programs_that_run() {
    let page = std::fs::read_to_string(repository().join("docs/clients.md")).unwrap();
    let folder = TempDir::new().unwrap();
    let modules = installed("node/node_modules");
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    let server = Server::start(
        MICA,
        &[&c360(), "--warehouse", &below(&folder, "warehouse")],
    );
    let java = ["--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp"];
    for file in ["example.py", "Example.java", "example.go", "example.mjs"] {
        let path = repository().join("docs/clients").join(file);
        let program = std::fs::read_to_string(&path).unwrap();
        let marked = format!("<!-- docs/clients/{file} -->\n");
        let shown = page.split_once(&marked).unwrap().1;
        let shown = shown.trim_start().split_once('\n').unwrap().1;
        assert!(
            shown.starts_with(&format!("{program}```")),
            "{file} differs"
        );
        let mut command = match file {
            "example.py" => Command::new(installed("venv/bin/python")),
            "Example.java" => Command::new("java"),
            "example.go" => Command::new(installed("bin/go_example")),
            _ => Command::new("node"),
        };
        match file {
            "example.go" => {}
            "Example.java" => {
                command.args(java).arg(installed("jdbc.jar")).arg(&path);
            }
            "example.mjs" => {
                // Node looks for modules beside the program.
                let copy = folder.path().join(file);
                std::fs::copy(&path, &copy).unwrap();
                command.arg(copy);
            }
            _ => {
                command.arg(&path);
            }
        }
        let output = command.arg(server.address()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{file}: {stdout}{stderr}");
        let first = stdout.lines().next().unwrap_or_default();
        assert_eq!(first, "CUST009 Anderson Platinum 1019.98", "{file}");
    }
}
