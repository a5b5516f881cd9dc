//! Lists of tasks: those that have not ended, and those that have.

mod known_ids;
mod list;
mod listed_task;
mod pass;
mod queue_pages;
mod task_list_cursor;
mod task_list_request;
mod task_reader;

pub use listed_task::ListedTask;
pub use task_list_cursor::TaskListCursor;
pub use task_list_request::{TaskListPage, TaskListRequest};
