//! Calls, gathered into batches under load.

mod batcher;
mod deadlines;
mod item;

pub(crate) use batcher::{Batcher, LARGEST};
pub(crate) use deadlines::ask_within_deadlines;
pub(crate) use item::{BatchItem, BatchRequest, by_script};
