//! The in-process transport: the whole contract of
//! [`Transport`](rhai_dispatcher_core::Transport), at the speed of memory.
//!
//! It has no thread of its own. A delayed task, an expiry and the end of a lease are processed when they are
//! due, by a timer of the transport's clock, on the clock's thread.
//!
//! # Layout
//! - `transport`: [`MemoryTransport`], the submitting side.
//! - `consumer`, `claim`: the running side, and the future that waits for tasks.
//! - `queue`: what waits for one worker id, its instances, and what is due when.
//! - `cancel`: a task that is to stop, and all that it dispatched.
//! - `due`: the timer, and what is processed when it is due.
//! - `ready`: the tasks that could be claimed now, picked by weight.
//! - `quarantine`: those that may have killed their instances, started in growing groups.
//! - `recovery`: the tasks of instances that died.
//! - `instance`: what one instance holds.
//! - `record`, `progress`: one task, and what changes of it.
//! - `records`, `id_hasher`: all of them, by id; finished ones up to a bound.
//! - `outcome`: the future that waits for a task's end.
//! - `wakes`: wake-ups that are given only when no lock is held.
//! - `named`: hubs that are found by name within this process.
//!
//! # Locks
//! In this order: the table of queues, a queue, an instance (a second one only under the queue's
//! lock), a record, a shard of the records. No lock is held while
//! a waker is called.

mod cancel;
mod claim;
mod config;
mod consumer;
mod due;
mod hub;
mod id_hasher;
mod instance;
mod named;
mod outcome;
mod progress;
mod quarantine;
mod queue;
mod ready;
mod record;
mod records;
mod recovery;
mod transport;
mod wakes;

pub use config::MemoryConfig;
pub use transport::MemoryTransport;
