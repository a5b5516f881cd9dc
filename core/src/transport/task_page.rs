use std::sync::Arc;

use super::TransportError;
use crate::{Invalid, TaskId, WallTime};

/// A part of a queue. Each task that has not ended is in one, and moves between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueuePart {
    /// Tasks that could be claimed now.
    Ready,
    /// Tasks whose time has not come.
    Delayed,
    /// Tasks that may have killed their instances, and wait to be started in small groups.
    Quarantined,
    /// Tasks that an instance has claimed.
    Running,
}

impl QueuePart {
    /// All parts.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Delayed, Self::Quarantined, Self::Running];

    /// The part as it is written in messages and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Delayed => "delayed",
            Self::Quarantined => "quarantined",
            Self::Running => "running",
        }
    }
}

/// From where on [`Transport::tasks`](super::Transport::tasks) lists a part of a queue: its beginning, or what comes
/// after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCursor {
    part: QueuePart,
    /// What the transport has written; none at the beginning.
    place: Option<Arc<str>>,
}

impl TaskCursor {
    /// After a page, for transports: `place` is theirs alone to read.
    #[must_use]
    pub fn after(part: QueuePart, place: impl Into<Arc<str>>) -> Self {
        Self { part, place: Some(place.into()) }
    }

    /// The part of the queue.
    #[must_use]
    pub const fn part(&self) -> QueuePart {
        self.part
    }

    /// What the transport has written, for that transport; none at the beginning.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// The error of a transport that has not written this cursor.
    #[must_use]
    pub fn refused(&self) -> TransportError {
        let problem = format!("this transport has not made it for {} tasks", self.part.as_str());
        let hint = "pass the cursor of the page before to the same transport, or begin anew";
        TransportError::Protocol(Arc::new(Invalid::new("cursor", problem, hint)))
    }
}

impl From<QueuePart> for TaskCursor {
    /// The beginning of a part.
    fn from(part: QueuePart) -> Self {
        Self { part, place: None }
    }
}

/// Some of the tasks of a part of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskPage {
    /// The transport's time when it was read.
    pub now: WallTime,
    /// Their ids.
    pub ids: Vec<TaskId>,
    /// From where on there may be more; none if these were the last.
    pub next: Option<TaskCursor>,
}

impl TaskPage {
    /// The most ids of a page, whatever was asked for: bounds how long it keeps a server or a lock from others.
    pub const MAX_IDS: usize = 1_000;
}
