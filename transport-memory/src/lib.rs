//! The in-process transport: the whole contract of
//! [`Transport`](rhai_dispatcher_core::Transport), at the speed of memory.
//!
//! It has no thread of its own. A delayed task, an expiry and the end of a lease are processed when they are
//! due, by a timer of the transport's clock, on the clock's thread.
//!
//! # Layout
//! From the top down; no file knows one above it.
//! - `transport`: [`MemoryTransport`], the submitting side.
//! - `consumer`: the running side.
//!   - `consumer`, `membership`: one instance in its queue; how claims end.
//!   - `claim_future`: the future that waits for tasks.
//! - `outcome`: the future that waits for a task's end.
//! - `hub`: all queues and records, and the steps that need both.
//!   - `hub`, `named`: the two tables; hubs that are found by name within this process.
//!   - `submit`, `crash_report`, `listing`: steps of the submitting side.
//!   - `due`: the timer, and what is processed when it is due.
//!   - `cancel`, `effects`: a task that is to stop; what follows from a step once its lock is released.
//! - `queue`: what waits for one worker id, and its instances.
//!   - `queue`, `queue_state`: the lock, and what it guards.
//!   - `claiming`, `expiry`, `requeue`: how tasks leave it, and come back from instances that died.
//!   - `ready`: the tasks that could be claimed now, picked by weight.
//!   - `quarantine`: those that may have killed their instances, started in growing groups.
//!   - `claimers`, `due_timer`, `request_key`, `instance`: what else it keeps.
//!   - `changes`: what a step collects for `effects`.
//! - `record`: tasks.
//!   - `record`, `progress`: one task, and what changes of it.
//!   - `records`: all of them, by id; finished ones up to a bound.
//! - `activity`: how tasks have ended, by worker id.
//! - `wakes`: wake-ups that are given only when no lock is held.
//!
//! # Locks
//! In this order: the table of queues, a queue, an instance (a second one only under the queue's
//! lock), a record, a shard of the records. A log of activity and the table of these are locked
//! without any other. No lock is held while
//! a waker is called.

mod activity;
mod config;
mod consumer;
mod hub;
mod outcome;
mod queue;
mod record;
mod transport;
mod wakes;

pub use config::MemoryConfig;
pub use transport::MemoryTransport;
