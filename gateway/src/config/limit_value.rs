use std::time::Duration;

/// What a limit can be.
pub(super) trait LimitValue: Sized {
    /// Whether it is a time.
    const IS_TIME: bool;

    /// Reads it: a whole number, or a number of seconds.
    fn parse(text: &str) -> Result<Self, String>;

    /// The text that [`parse`](Self::parse) reads.
    fn show(&self) -> String;

    fn is_zero(&self) -> bool;
}

impl LimitValue for usize {
    const IS_TIME: bool = false;

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("{:?} is not a whole number", shown(text)))
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl LimitValue for Duration {
    const IS_TIME: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let number: Option<f64> = text.parse().ok();
        let duration = number.and_then(|seconds| Self::try_from_secs_f64(seconds).ok());
        duration.ok_or_else(|| format!("{:?} is not a number of seconds", shown(text)))
    }

    fn show(&self) -> String {
        self.as_secs_f64().to_string()
    }

    fn is_zero(&self) -> bool {
        Self::is_zero(self)
    }
}

fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}
