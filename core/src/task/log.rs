use serde::{Deserialize, Serialize};

/// What a task printed, in order, up to a bound in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLog {
    lines: Vec<LogLine>,
    /// Whether something was left out because the log was full.
    truncated: bool,
    #[serde(skip)]
    bytes: usize,
}

/// One call of `print` or `debug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Which of the two.
    pub level: LogLevel,
    /// The text, without a line end of its own.
    pub text: String,
}

/// Where a line of the log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// `print`
    Print,
    /// `debug`
    Debug,
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
