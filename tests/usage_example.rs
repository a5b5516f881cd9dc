//! The usage example: as it stands in the README it compiles, and with its URL changed to the
//! in-process transport it prints its greeting.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::process::Command;

const README: &str = include_str!("../README.md");
const USAGE: &str = include_str!("../examples/usage.rs");
const IN_MEMORY: &str = include_str!("../examples/usage_in_memory.rs");

/// An example's code, without the docs at its head.
fn code(example: &str) -> &str {
    &example[example.find("use rhai_dispatcher").unwrap()..]
}

#[test]
fn readme_shows_the_example_as_it_is() {
    assert!(README.contains(code(USAGE).trim_end()));
}

#[test]
fn only_the_url_tells_the_two_apart() {
    // Line breaks follow from the length of the URL.
    let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
    let changed = code(USAGE).replace("redis://127.0.0.1/", "memory:");
    assert_eq!(without_spaces(&changed), without_spaces(code(IN_MEMORY)));
}

#[test]
fn usage_example_prints_its_greeting() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--example", "usage_in_memory"]).env("RUST_LOG", "info");
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    for line in ["Task completed successfully!", "Status: completed", "Output: Hello, worker-1!"] {
        assert!(printed.lines().any(|printed| printed.ends_with(line)), "no {line:?} in {printed}");
    }
}
