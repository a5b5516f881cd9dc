//! What is written about the functions of scripts holds.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::sync::Arc;

use futures::executor::block_on;
use rhai_dispatcher_core::{Outcome, Ran, Transport, Worker, WorkerId};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};
use support::Bench;
use support::examples::check_examples;

#[test]
fn examples_give_what_is_written() {
    let config = EngineConfig::new();
    let [docs] = config.docs() else { panic!("only what every script has is there") };
    let (bench, _) = Bench::with_stubs(EngineConfig::new());
    check_examples(docs, |script| bench.play_value(script));
}

#[test]
fn example_of_dispatch_gives_what_is_written() {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    let worker = Worker::new(Arc::clone(&transport), WorkerId::try_from("worker-2").unwrap());
    let worker = block_on(worker.start(|| RhaiHandler::new(&EngineConfig::new()))).unwrap();
    let config = EngineConfig::new().with_dispatch(transport);
    let docs = config.docs().last().unwrap();
    assert_eq!(docs.title, "Other workers");
    let bench = Bench::with(config.clone());
    check_examples(docs, |script| match block_on(bench.start(script).future) {
        Ran::Finished(Outcome::Completed(output), _) => output.as_json().as_str().to_owned(),
        other => panic!("{script}: {other:?}"),
    });
    block_on(worker.drain()).unwrap();
}

#[test]
fn module_that_is_installed_twice_is_listed_once() {
    let config = EngineConfig::new();
    let [docs] = config.docs() else { panic!("only what every script has is there") };
    assert_eq!(EngineConfig::new().with_docs(docs).docs().len(), 1);
}
