//! Injects faults into the processes of rhai-dispatcher and its server, and counts broken promises.
//!
//! `cargo xtask chaos --minutes N --seed S` is a run. It starts a `redis-server` of its own, workers,
//! submitters and waiters as processes, kills, stops and cuts them by a plan that the seed decides,
//! and ends with a tally. It fails if a promise was broken, or if a fault landed too seldom to test it.
//!
//! # How it judges
//! It does not rely on the code under test. In one [`Journal`] the workers note each start of a script, the submitters each
//! accepted task, the waiters each received outcome. The writes of the server are read from its append-only file
//! ([`Ledger`]): no terminal write can be missed, and the server is not disturbed. In the end another client library
//! (`redis`) reads every record, and the outcomes are compared.
//!
//! # Test of the harness
//! `cargo xtask chaos --break fence` (or `recheck`, `finish-order`) builds the transport with the
//! feature `fault-no-fence` (`fault-no-recheck`, `fault-finish-order`), in which that protection is
//! switched off. Such a run has to end with a failure.
//!
//! # Layout
//! - `journal`, `chronicle`: the notes of the processes, and what they say of each task ([`Journal`], [`Chronicle`]).
//! - `ledger`, `append_log`: the writes of the server ([`Ledger`]).
//! - `task_kind`: the tasks that are submitted ([`TaskKind`]).
//! - `tether`: ends a process with its parent ([`Tether`]).
//! - `worker`, `submitter`, `waiter`: the processes that faults strike ([`ChaosWorker`], [`ChaosSubmitter`], [`ChaosWaiter`]).
//! - `process`, `network`, `fixture`: starts and signals them, and the proxies between them and the server ([`Fixture`]).
//! - `fault`, `plan`, `round`: the faults ([`Fault`], [`Plan`], [`Round`]).
//! - `judge`, `tally`: the results ([`Tally`]).

mod append_log;
mod chronicle;
mod fault;
mod fixture;
mod journal;
mod judge;
mod ledger;
mod network;
mod plan;
mod process;
mod round;
mod submitter;
mod tally;
mod task_kind;
mod tether;
mod waiter;
mod worker;

pub use chronicle::Chronicle;
pub use fault::{Fault, Hit, Sort};
pub use fixture::Fixture;
pub use journal::{Entry, Event, Journal, Tail};
pub use judge::Judge;
pub use ledger::Ledger;
pub use plan::{Plan, RoundPlan};
pub use process::Process;
pub use round::Round;
pub use submitter::ChaosSubmitter;
pub use tally::Tally;
pub use task_kind::TaskKind;
pub use tether::Tether;
pub use waiter::ChaosWaiter;
pub use worker::ChaosWorker;

/// The worker id of all tasks.
const WORKER_ID: &str = "chaos";

/// The prefix of all keys.
const PREFIX: &str = "rhailib";
