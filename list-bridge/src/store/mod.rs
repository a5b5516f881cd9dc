//! The atomic steps: each touches the keys of one slot.

mod client_hash;
mod field;
mod queue_store;
mod script;
mod task_store;

pub(crate) use client_hash::{ClientHash, FieldLimits, MAX_LIMITS_BYTES};
pub(crate) use field::Field;
pub(crate) use queue_store::QueueStore;
pub(crate) use task_store::{CancelAsked, Ended, HashRead, Resolved, TaskStore, Token};
