//! How long scripts of 250 KB take that have as much as possible of one construct: the check that a dispatcher
//! makes before it queues a script and, with `rhai` as third argument, Rhai's parser alone, with its longest step
//! between two tokens. Of that some constructs take minutes.
//!
//! `cargo run --release -p rhai-dispatcher-engine --example parsing [BYTES [NAME [rhai]]]`
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

#[path = "../tests/support/constructs.rs"]
mod constructs;

use std::cell::Cell;
use std::env;
use std::time::{Duration, Instant};

use constructs::CONSTRUCTS;
use rhai_dispatcher_engine::{EngineConfig, ScriptChecker};

thread_local! {
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    static LONGEST: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn main() {
    let bytes = env::args().nth(1).and_then(|bytes| bytes.parse().ok()).unwrap_or(250_000);
    let only = env::args().nth(2).unwrap_or_default();
    let checker = ScriptChecker::new(EngineConfig::new());
    let engine = on_a_stack_of_its_own();
    let with_rhai = env::args().nth(3).is_some();
    println!(
        "{:<28} {:>8} {:>10} {:>10} {:>10}  answer of the check",
        "construct", "bytes", "rhai", "step", "check"
    );
    for (name, script) in CONSTRUCTS.iter().filter(|(name, _)| name.contains(&only)) {
        let source = script(bytes);
        let (parsed, step) = if with_rhai { engine(&source) } else { Default::default() };
        let start = Instant::now();
        let answer = checker.check_source(&source);
        let checked = start.elapsed();
        let answer =
            answer.map_or_else(|error| error.to_string().chars().take(90).collect(), |()| "good".to_owned());
        println!("{name:<28} {:>8} {parsed:>10.1?} {step:>10.1?} {checked:>10.1?}  {answer}", source.len());
    }
}

/// Parses by Rhai alone, with the limits that Rhai has of the configuration's.
fn on_a_stack_of_its_own() -> impl Fn(&str) -> (Duration, Duration) {
    |source| {
        std::thread::scope(|scope| {
            let parse = || {
                let limits = EngineConfig::new().limits;
                let mut engine = rhai_dispatcher_engine::rhai::Engine::new();
                engine
                    .set_max_expr_depths(limits.max_expr_depth, limits.max_function_expr_depth)
                    .set_max_functions(limits.max_functions)
                    .set_max_string_size(limits.max_string_bytes)
                    .set_max_array_size(limits.max_array_size)
                    .set_max_map_size(limits.max_map_size)
                    .set_max_strings_interned(0)
                    .set_optimization_level(rhai_dispatcher_engine::rhai::OptimizationLevel::None);
                #[expect(deprecated, reason = "Rhai marks what may change in a later release so")]
                engine.on_parse_token(|token, _, _| {
                    step();
                    token
                });
                LONGEST.set(Duration::ZERO);
                LAST.set(None);
                let start = Instant::now();
                let parsed = engine.compile(source);
                let took = start.elapsed();
                step();
                drop(parsed);
                (took, LONGEST.get())
            };
            let thread = std::thread::Builder::new().stack_size(256 * 1024 * 1024);
            thread.spawn_scoped(scope, parse).expect("a thread").join().expect("a parser")
        })
    }
}

fn step() {
    let now = Instant::now();
    if let Some(last) = LAST.replace(Some(now)) {
        LONGEST.set(LONGEST.get().max(now - last));
    }
}
