//! The usage example against a real server and a real `rhaid worker`.
//!
//! The example's URL names port 6379 of this machine, which any other server may use. So the example is built
//! twice from the same file: by cargo, unchanged, and here with the URL of the test's server. This second build
//! uses the libraries that cargo has built for the first one.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::site::Site;

/// The only text of the example that the test replaces.
const URL: &str = "redis://127.0.0.1/";

/// The libraries that the example uses.
const CRATES: [&str; 4] = ["rhai_dispatcher", "tokio", "log", "env_logger"];

#[test]
fn usage_example_prints_its_greeting() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let directory = tempfile::tempdir().expect("a directory");
    let program = build(site.url(), directory.path());
    let output = Command::new(program).env("RUST_LOG", "info").output().expect("it runs");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    for line in ["Task completed successfully!", "Status: completed", "Output: Hello, worker-1!"] {
        assert!(printed.lines().any(|printed| printed.ends_with(line)), "no {line:?} in {printed}");
    }
}

/// Builds the example for the server at `url`.
fn build(url: &str, directory: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("examples/usage.rs")).expect("the example");
    assert_eq!(text.matches(&format!("{URL:?}")).count(), 1, "there is one URL to replace");
    let (source, program) = (directory.join("usage.rs"), directory.join("usage"));
    std::fs::write(&source, text.replacen(URL, url, 1)).expect("written");

    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "rhai-dispatcher", "--example", "usage", "--message-format=json"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(&root).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).expect("text");
    let artifacts: Vec<Value> =
        messages.lines().map(|line| serde_json::from_str(line).expect("a message")).collect();

    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-C", "debuginfo=0"]).arg(&source).arg("-o").arg(&program);
    for name in CRATES {
        let library = library(&artifacts, name);
        rustc.arg("--extern").arg(format!("{name}={}", library.display()));
        let folder = library.parent().expect("a folder");
        rustc.arg("-L").arg(format!("dependency={}", folder.join("deps").display()));
        rustc.arg("-L").arg(format!("dependency={}", folder.display()));
    }
    let compiled = rustc.current_dir(&root).output().expect("rustc runs");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    program
}

/// The path at which cargo has put a library.
fn library(artifacts: &[Value], name: &str) -> PathBuf {
    let of_name = artifacts.iter().filter(|message| message["target"]["name"] == name);
    let files = of_name.filter_map(|message| message["filenames"].as_array()).flatten();
    let mut libraries = files.filter_map(Value::as_str).filter(|file| file.ends_with(".rlib"));
    libraries.next().unwrap_or_else(|| panic!("cargo says nothing of {name}")).into()
}
