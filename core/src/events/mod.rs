//! What a task tells while it runs.

mod event_buffer;
mod event_queue;
mod follower;
mod run_event;
mod task_event;
mod task_events;

pub use event_buffer::{EventBuffer, EventLimits};
pub use event_queue::EventQueue;
pub use run_event::{RunEvent, RunId};
pub use task_event::TaskEvent;
pub use task_events::TaskEvents;
