//! Lists of tasks: search, and what is done to all that match.

mod bulk;
mod ended;
mod suggestions;
#[expect(clippy::module_inception, reason = "the file is named for its main page")]
mod tasks;
mod unfinished;

pub(in crate::dashboard) use bulk::{ask, carry_out};
pub(in crate::dashboard) use ended::{EndedRow, read_ended, read_entries};
pub(in crate::dashboard) use tasks::tasks;
