use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::invalid::quoted;

/// The status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TaskStatus {
    /// Waits for an instance, for its time to come, or for its next try.
    Pending,
    /// An instance has claimed it and runs it.
    Processing,
    /// Ended with an output.
    Completed,
    /// Ended with an error.
    Error,
    /// Ended by a cancel.
    Cancelled,
}

impl TaskStatus {
    /// All statuses, in the order of a task's life.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Processing, Self::Completed, Self::Error, Self::Cancelled];

    /// The status as it is written everywhere: in records, on the wire, in commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the task has its outcome, which nothing changes any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Cancelled)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TaskStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            Invalid::new(
                "status",
                format!("{} is not a status", quoted(text)),
                "use pending, processing, completed, error or cancelled",
            )
        })
    }
}

/// Why a task was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CancelReason {
    /// A client cancelled it.
    Asked,
    /// Its caller stopped waiting for it.
    Withdrawn,
    /// Its time was over, before it started or while it ran.
    Expired,
    /// The task that dispatched it was cancelled.
    Parent,
}

impl CancelReason {
    /// The reason as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Parent => "parent",
        }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CancelReason {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Asked, Self::Withdrawn, Self::Expired, Self::Parent]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| {
                Invalid::new(
                    "cancel_reason",
                    format!("{} is not a reason", quoted(text)),
                    "use asked, withdrawn, expired or parent",
                )
            })
    }
}
