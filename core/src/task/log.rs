use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// What a task printed and logged, in order, up to a bound in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLog {
    lines: Vec<LogLine>,
    /// Whether something was left out because the log was full.
    truncated: bool,
    #[serde(skip)]
    bytes: usize,
}

/// One call of `print`, `debug` or `log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Where it comes from, and how grave it is.
    pub level: LogLevel,
    /// The text, without a line end of its own.
    pub text: String,
}

/// Where a line of the log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogLevel {
    /// `print`
    Print,
    /// `debug`, or `log` with `"debug"`.
    Debug,
    /// `log` with `"info"`.
    Info,
    /// `log` with `"warn"`.
    Warn,
    /// `log` with `"error"`.
    Error,
}

impl LogLevel {
    /// The levels of `log`, the least grave first.
    pub const OF_LOG: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The level as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Print => "print",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl FromStr for LogLevel {
    type Err = Invalid;

    /// The level of that name; `print` is one.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let all = std::iter::once(Self::Print).chain(Self::OF_LOG);
        all.into_iter().find(|level| level.as_str() == text).ok_or_else(|| {
            let shown: String = text.chars().take(32).collect();
            let problem = format!("{shown:?} is not a level");
            Invalid::new("level", problem, "use debug, info, warn or error")
        })
    }
}

impl TaskLog {
    /// The default bound of a log, in bytes of text.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// An empty log.
    #[must_use]
    pub const fn new() -> Self {
        Self { lines: Vec::new(), truncated: false, bytes: 0 }
    }

    /// Adds a line, unless the log would then hold more than `max_bytes` of text (a line counts
    /// for at least 16 bytes); from the first line that does not fit, nothing is added any more.
    /// Whether the line was added.
    pub fn push(&mut self, level: LogLevel, text: impl Into<String>, max_bytes: usize) -> bool {
        let text = text.into();
        self.bytes = self.bytes.saturating_add(text.len().max(16));
        self.truncated |= self.bytes > max_bytes;
        if !self.truncated {
            self.lines.push(LogLine { level, text });
        }
        !self.truncated
    }

    /// The lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// Whether lines were left out because the log was full.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether nothing was printed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty() && !self.truncated
    }

    /// The size of the text, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lines.iter().map(|line| line.text.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_says_so_and_stays_as_it_is() {
        let mut log = TaskLog::new();
        assert!(log.push(LogLevel::Print, "x".repeat(60), 100));
        assert!(!log.push(LogLevel::Print, "y".repeat(60), 100));
        assert!(!log.push(LogLevel::Debug, "z", 100), "a short line must not slip in behind a gap");
        assert_eq!(log.lines().len(), 1);
        assert!(log.is_truncated());
    }
}
