//! Lists of tasks: those that have not ended, and then those that have.

mod ended;
mod listed_task;
mod listing;

pub(super) use ended::ended_tasks;
pub use listed_task::ListedTask;
pub(super) use listing::Listing;
