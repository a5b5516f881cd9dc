use std::borrow::Cow;
use std::fmt;

use crate::Invalid;

/// Why a text is not an [`ActivityFilter`](super::ActivityFilter), and where.
///
/// Printed, it shows the text with the place underlined:
///
/// ```text
/// filter, column 1: `statu` is not a field; did you mean `status`?
///   statu:error
///   ^^^^^
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterError {
    /// The text, with spaces in place of control characters. Empty if it was too long to be read.
    pub text: String,
    /// Where the wrong part begins, 1-based, counted in characters.
    pub column: usize,
    /// How many characters the wrong part has, 1 or more.
    pub width: usize,
    /// What is wrong.
    pub problem: Cow<'static, str>,
    /// The way out.
    pub hint: Cow<'static, str>,
}

impl FilterError {
    /// The text and, below it, a line of carets under the wrong part.
    #[must_use]
    pub fn marked(&self) -> String {
        format!("{}\n{}{}", self.text, " ".repeat(self.column - 1), "^".repeat(self.width))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter, column {}: {}; {}", self.column, self.problem, self.hint)?;
        if self.text.is_empty() {
            return Ok(());
        }
        self.marked().lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for FilterError {}

impl From<FilterError> for Invalid {
    fn from(error: FilterError) -> Self {
        let problem = format!("column {}: {}", error.column, error.problem);
        Self::new("filter", problem, error.hint)
    }
}
