//! Breaks the processes of rhai-dispatcher and its server, and counts what that costs.
//!
//! `cargo xtask chaos --minutes N --seed S` is a run. It starts a `redis-server` of its own, workers,
//! submitters and waiters as processes, kills, stops and cuts them by a plan that the seed decides,
//! and ends with a tally. It fails if a promise was broken, and if a fault landed too seldom to say.
//!
//! # How it judges
//! Nothing is asked of the code under test. The workers note each start of a script, the submitters
//! what was accepted, the waiters what they were told, in one [`Journal`]. What the server was made
//! to write is read from its append-only file ([`Ledger`]): no terminal write can be missed, and the
//! server does not notice. In the end a client of another make (`redis`) reads every record and
//! compares.
//!
//! # It can fail
//! `cargo xtask chaos --break fence` (or `recheck`, `finish-order`) builds the transport with the
//! feature `fault-no-fence` (`fault-no-recheck`, `fault-finish-order`), in which that protection is
//! switched off. Such a run has to end with a failure.
//!
//! # Layout
//! - `journal`, `chronicle`: what the processes note, and what it says of each task ([`Journal`], [`Chronicle`]).
//! - `ledger`, `append_log`: what the server has written ([`Ledger`]).
//! - `task_kind`: what is submitted ([`TaskKind`]).
//! - `tether`: ends a process with its parent ([`Tether`]).
//! - `worker`, `submitter`, `waiter`: the processes that are broken ([`ChaosWorker`], [`ChaosSubmitter`], [`ChaosWaiter`]).
//! - `process`, `network`, `stage`: starts and signals them, and the ways between them and the server ([`Stage`]).
//! - `fault`, `plan`, `round`: what is done to them ([`Fault`], [`Plan`], [`Round`]).
//! - `judge`, `tally`: what came of it ([`Tally`]).

mod append_log;
mod chronicle;
mod fault;
mod journal;
mod judge;
mod ledger;
mod network;
mod plan;
mod process;
mod round;
mod stage;
mod submitter;
mod tally;
mod task_kind;
mod tether;
mod waiter;
mod worker;

pub use chronicle::Chronicle;
pub use fault::{Fault, Hit, Sort};
pub use journal::{Entry, Event, Journal, Tail};
pub use judge::Judge;
pub use ledger::Ledger;
pub use plan::{Plan, RoundPlan};
pub use process::Process;
pub use round::Round;
pub use stage::Stage;
pub use submitter::ChaosSubmitter;
pub use tally::Tally;
pub use task_kind::TaskKind;
pub use tether::Tether;
pub use waiter::ChaosWaiter;
pub use worker::ChaosWorker;

/// The worker id of all tasks.
const WORKER_ID: &str = "chaos";

/// What all keys begin with.
const PREFIX: &str = "rhailib";
