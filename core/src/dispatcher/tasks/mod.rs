//! Lists of tasks that have not ended.

mod listed_task;
mod listing;
mod task_filter;

pub use listed_task::ListedTask;
pub(super) use listing::Listing;
pub use task_filter::TaskFilter;
