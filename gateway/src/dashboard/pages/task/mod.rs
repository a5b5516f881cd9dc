//! One task: what it is, how it went, and where it is now.

mod actions;
mod following;
mod page;
mod raw;
mod timeline;
mod view;
mod waterfall;

pub(in crate::dashboard) use actions::{cancel, run_again};
pub(in crate::dashboard) use page::{read_visible, task, task_id};
pub(in crate::dashboard) use raw::raw;
