use crate::{LogLevel, TaskDetails};

/// What a subscriber to one task is told.
///
/// A task that is started again, after its instance has died for example, begins anew: further events have the next
/// `delivery`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TaskEvent {
    /// A run of the task has begun.
    Started {
        /// Start count of the task, 1-based.
        delivery: u32,
    },
    /// The run has printed or logged a line.
    Line {
        /// Start count of the task, 1-based.
        delivery: u32,
        /// Where the line comes from.
        level: LogLevel,
        /// The text, without a line end of its own. It may have several lines.
        text: String,
    },
    /// The run has come so far. Of several in a row the subscriber may get the last only.
    Progress {
        /// Start count of the task, 1-based.
        delivery: u32,
        /// From 0 to 1.
        fraction: f64,
        /// What the run does now.
        text: String,
    },
    /// Lines of the run were lost: the subscriber was slow, or came late, or the worker could not send them.
    Lost {
        /// Start count of the task, 1-based.
        delivery: u32,
        /// How many.
        lines: u32,
    },
    /// The task has its outcome. This is the last event.
    Ended(Box<TaskDetails>),
}
