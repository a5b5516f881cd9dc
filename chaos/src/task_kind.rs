use serde::{Deserialize, Serialize};

/// What a task does. It travels as the task's context id, so that every record says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// Ends at once.
    Trivial,
    /// Sleeps for a part of a second.
    Sleeper,
    /// Fails at its first start, and is tried again.
    Retry,
    /// Is cancelled soon after it was accepted, with its child.
    Cancelled,
    /// Is the child of one that is cancelled.
    Child,
    /// Sleeps for longer than the start of a thousand of them takes.
    Long,
    /// Kills its worker.
    Poison,
}

impl TaskKind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Sleeper => "sleeper",
            Self::Retry => "retry",
            Self::Cancelled => "cancelled",
            Self::Child => "child",
            Self::Long => "long",
            Self::Poison => "poison",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Trivial, Self::Sleeper, Self::Retry, Self::Cancelled, Self::Child, Self::Long, Self::Poison]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// Its script. It returns a text that is unique for each run, so that an outcome that is written
    /// twice shows.
    #[must_use]
    pub fn script(self, seconds: f64) -> String {
        /// Notes the start.
        const MARK: &str = "let run = mark(task_id, delivery);";
        match self {
            Self::Trivial => format!("{MARK} run"),
            Self::Sleeper | Self::Cancelled | Self::Child | Self::Long => {
                format!("{MARK} sleep({seconds:.3}); run")
            }
            Self::Retry => format!("{MARK} if delivery == 1 {{ throw \"again\" }} run"),
            Self::Poison => format!("{MARK} die(); run"),
        }
    }

    /// How many starts it takes without a fault.
    #[must_use]
    pub const fn starts(self) -> usize {
        match self {
            Self::Retry => 2,
            Self::Trivial | Self::Sleeper | Self::Cancelled | Self::Child | Self::Long | Self::Poison => 1,
        }
    }
}
