//! Example scripts of Rhai's own repository, in `tests/rhai`, with arrays of up to a million elements: they run, or
//! end in an error that names the setting.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::path::Path;

use rhai_dispatcher_core::{Outcome, TaskErrorKind};
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

fn script(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rhai");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn arrays_that_are_too_large_end_in_an_error_that_names_the_setting() {
    let bench = Bench::with(EngineConfig::new().with_max_array_size(2_000));
    for name in ["primes.rhai", "for2.rhai", "strings_map.rhai"] {
        let error = bench.error(&script(name));
        assert_eq!(error.kind, TaskErrorKind::Limit, "{name}: {error}");
        let says = "(limit: 2000); raise max_array_size with `--limit max_array_size=…` or \
                    `EngineConfig::with_max_array_size`";
        assert!(error.message.contains(says), "{name}: {error}");
    }
}

#[test]
fn they_run_to_their_end_where_their_arrays_are_not_too_large() {
    let bench = Bench::new();
    let primes = script("primes.rhai").replace("1_000_000", "2_000").replace("78_498", "303");
    for (script, says) in [
        (primes, "Total 303 primes <= 2000"),
        (script("for2.rhai").replace("1_000_000", "2_000"), "Sum = 1999000"),
        (script("strings_map.rhai").replace("0..100", "0..10"), "Sum = 1999000"),
    ] {
        let (outcome, log) = bench.run(&script);
        assert!(matches!(outcome, Outcome::Completed(_)), "{outcome:?}");
        assert!(log.lines().iter().any(|line| line.text == says), "{says}: {log:?}");
    }
}

#[test]
fn many_strings_of_which_none_is_long_are_no_long_string() {
    let bench = Bench::new();
    let source = "let rows = []; let row = \"r\"; row.pad(1000, 'r'); \
                  for i in 0..600 { rows.push(row + i); } rows.len()";
    assert_eq!(bench.value(source), "600");
    // Together they have a limit all the same, and its error says what counts.
    let error = bench.error(&source.replace("600", "6_000"));
    assert!(error.message.contains("max_string_bytes"), "{error}");
}
