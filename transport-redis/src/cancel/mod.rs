//! Cancels of tasks, and of what these have dispatched: a child may be of another worker id than its parent, so that no script
//! cancels both.

mod cancel_tasks;
mod cancel_with_children;
mod orphans;

pub(crate) use cancel_with_children::cancel_with_children;
pub(crate) use orphans::keep_cancelling_orphans;
