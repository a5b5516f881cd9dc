use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::invalid::quoted;

/// How soon a waiting task is claimed, beside others of the same worker id.
///
/// Priorities are weights, not ranks: while all three wait, of 16 claims 10 are high, 5 normal and
/// 1 low, so nothing starves. The share of a priority without tasks goes to the most urgent one that has some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Ahead of the rest.
    High,
    /// As usual.
    #[default]
    Normal,
    /// When the others leave capacity, and at least one claim in 16.
    Low,
}

impl Priority {
    /// All priorities, the most urgent first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// Its share of 16 claims while all three wait.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::High => 10,
            Self::Normal => 5,
            Self::Low => 1,
        }
    }

    /// The priority as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == text).ok_or_else(|| {
            Invalid::new("priority", format!("{} is not a priority", quoted(text)), "use high, normal or low")
        })
    }
}
