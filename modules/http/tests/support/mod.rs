//! Support for scripts that call servers of the test.
#![allow(dead_code, reason = "each test file uses a part")]

#[path = "../../../../engine/tests/support/mod.rs"]
mod engine;

use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{Outcome, Ran, Task};
use rhai_dispatcher_engine::{EngineConfig, Secret};
use rhai_dispatcher_http::{AllowedHost, HttpConfig, HttpModule};
use rhai_dispatcher_tokio_bridge::TokioBridge;

#[allow(unused_imports, reason = "each test file uses a part")]
pub(crate) use engine::{Bench, examples::check_examples};

pub(crate) const KEY: &str = "sk_live_51xyzzy";

/// Short pauses, so that tests are quick.
pub(crate) fn config(allowed: &[&str]) -> HttpConfig {
    allowed.iter().fold(HttpConfig::new().with_backoff(Duration::from_millis(5)), |config, host| {
        config.with_allowed_host(host.parse::<AllowedHost>().expect("a host"))
    })
}

pub(crate) fn bench_with(config: HttpConfig) -> Bench {
    let http = HttpModule::new(config, TokioBridge::new()).expect("a client");
    Bench::with(http.install(EngineConfig::new().with_secret("KEY", Secret::new(KEY))))
}

/// Scripts that may call 127.0.0.1.
pub(crate) fn bench() -> Bench {
    bench_with(config(&["127.0.0.1"]))
}

/// The JSON of a script's result.
pub(crate) fn value(bench: &Bench, script: &str) -> String {
    match run(bench, script) {
        Outcome::Completed(output) => output.as_json().as_str().to_owned(),
        other => panic!("{script}: {other:?}"),
    }
}

/// The message of a script's error.
pub(crate) fn error(bench: &Bench, script: &str) -> String {
    match run(bench, script) {
        Outcome::Error(error) => error.message,
        other => panic!("{script}: {other:?}"),
    }
}

fn run(bench: &Bench, script: &str) -> Outcome {
    run_task(bench, Bench::task(script))
}

pub(crate) fn run_task(bench: &Bench, task: Task) -> Outcome {
    let script = task.payload.source().expect("a script").clone();
    match block_on(bench.start_task(task, None).future) {
        Ran::Finished(outcome, _) => outcome,
        Ran::Stopped(log) => panic!("{script}: stopped: {log:?}"),
    }
}
