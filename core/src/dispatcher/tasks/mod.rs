//! Lists of tasks: those that have not ended, and then those that have.

mod list;
mod listed_task;
mod listing;

pub use listed_task::ListedTask;
use listing::Listing;
