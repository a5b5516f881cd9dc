use crate::{InstanceId, LogLine};

/// One run of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunId {
    /// The instance that runs the task.
    pub instance: InstanceId,
    /// Start count of the task, 1-based.
    pub delivery: u32,
}

/// What a run tells while it lasts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RunEvent {
    /// It has begun. Transports tell so; a worker need not.
    Started,
    /// A line was added to its log.
    Line {
        /// The number of the line in the log, from 0. A subscriber counts lost lines by the gaps.
        number: u32,
        /// The line.
        line: LogLine,
    },
    /// It has come so far.
    Progress {
        /// How many times the run has told its progress before. A subscriber leaves out what it has been told, and what
        /// is older.
        number: u32,
        /// From 0 to 1.
        fraction: f64,
        /// What it does now.
        text: String,
    },
}

impl RunEvent {
    /// About what it takes of memory or of a store, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        /// The event itself.
        const FIXED: usize = 64;
        FIXED
            + match self {
                Self::Started => 0,
                Self::Line { line, .. } => line.text.len(),
                Self::Progress { text, .. } => text.len(),
            }
    }
}
