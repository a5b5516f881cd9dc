//! From the id of a client to the task that runs it.

mod following_transport;
mod list_tasks;

pub use following_transport::FollowingTransport;
pub use list_tasks::{Found, ListTasks};
