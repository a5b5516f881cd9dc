//! What is wrong and how much is done, over the last minutes: read from the transport while pages are looked at.

mod history;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod monitor;
mod snapshot;
mod trouble;

pub(super) use history::Point;
pub(crate) use monitor::Monitor;
pub(super) use snapshot::Snapshot;
pub(super) use trouble::{Trouble, troubles};
