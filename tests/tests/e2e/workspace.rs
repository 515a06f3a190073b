//! Rules of the repository itself.

use std::collections::BTreeMap;
use std::process::Command;

use mica_tests::{repository, succeeds};
use serde_json::Value;

use crate::MICA;

/// Each crate, with those of the workspace that it may use.
const ORDER: [(&str, &[&str]); 6] = [
    ("mica-catalog", &[]),
    ("mica-proto", &[]),
    ("mica-data", &["mica-catalog"]),
    ("mica-sql", &["mica-catalog"]),
    (
        "mica",
        &["mica-catalog", "mica-data", "mica-proto", "mica-sql"],
    ),
    (
        "mica-tests",
        &[
            "mica",
            "mica-catalog",
            "mica-data",
            "mica-proto",
            "mica-sql",
        ],
    ),
];

#[test]
fn crates_depend_on_those_below_only() {
    let allowed = BTreeMap::from(ORDER);
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(repository())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert_eq!(packages.len(), ORDER.len());
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let allowed = allowed
            .get(name)
            .unwrap_or_else(|| panic!("'{name}' has no place"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let uses = dependency["name"].as_str().unwrap();
            let ours = uses == "mica" || uses.starts_with("mica-");
            assert!(
                !ours || allowed.contains(&uses),
                "{name} must not use {uses}"
            );
        }
    }
}

#[test]
fn the_reference_is_what_the_code_says() {
    let written = std::fs::read_to_string(repository().join("docs/reference.md")).unwrap();
    let made = succeeds(MICA, &["reference"]).0;
    assert!(
        written == made,
        "run: cargo run -p mica -- reference > docs/reference.md"
    );
}
