//! Random scripts that build, share, nest, change, convert, compare, throw and return values end, and no function
//! panics. `cargo xtask fuzz` runs many more of them.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "support/grammar.rs"]
mod grammar;
mod support;

use std::time::Duration;

use proptest::prelude::*;
use rhai_dispatcher_core::{Outcome, Ran, TaskErrorKind};
use rhai_dispatcher_engine::EngineConfig;
use support::Bench;

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_scripts_end_and_no_function_panics(script in grammar::script()) {
        let config = EngineConfig::new()
            .with_max_operations(20_000)
            .with_max_array_size(1_000)
            .with_max_map_size(1_000)
            .with_max_string_bytes(20_000)
            .with_async_fn("echo", |value: rhai::Dynamic| async move { Ok::<_, String>(value) });
        let bench = Bench::with(config);
        let mut run = bench.start(&script);
        let ran = loop {
            match run.poll() {
                std::task::Poll::Ready(ran) => break ran,
                std::task::Poll::Pending => bench.clock.advance(Duration::from_millis(1)),
            }
        };
        if let Ran::Finished(Outcome::Error(error), _) = ran {
            prop_assert!(error.kind != TaskErrorKind::Panic, "{}", error);
        }
    }
}
