use std::time::Duration;

use tokio::sync::Semaphore;

/// What a limit can be.
pub(super) trait LimitValue: Sized {
    /// Whether it is a time.
    const IS_TIME: bool;

    /// Reads it: a whole number, or a number of seconds.
    fn parse(text: &str) -> Result<Self, String>;

    /// The text that [`parse`](Self::parse) reads.
    fn show(&self) -> String;

    fn is_zero(&self) -> bool;

    /// Whether it is above what clocks and queues can be made with.
    fn is_too_much(&self) -> bool;

    /// The most that it can be, for a person.
    fn most() -> String;
}

/// Ten years. The clock of a process can't tell of a moment that is some centuries ahead.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

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

    fn is_too_much(&self) -> bool {
        *self > Semaphore::MAX_PERMITS
    }

    fn most() -> String {
        Semaphore::MAX_PERMITS.to_string()
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

    fn is_too_much(&self) -> bool {
        *self > LONGEST
    }

    fn most() -> String {
        format!("{} (ten years)", LONGEST.as_secs())
    }
}

fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}
