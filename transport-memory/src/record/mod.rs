//! Tasks: what was submitted, and what is known of each.

mod progress;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod record;
mod record_events;
mod records;

pub(crate) use progress::Progress;
pub(crate) use record::{Death, Record, RecordState};
pub(crate) use records::Records;
