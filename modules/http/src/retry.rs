use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The remaining retries of one call.
#[derive(Debug)]
pub(crate) struct Retries {
    left: u32,
    backoff: Backoff,
    max_pause: Duration,
    deadline: Instant,
}

impl Retries {
    pub(crate) fn new(max: u32, first_pause: Duration, max_pause: Duration, deadline: Instant) -> Self {
        Self { left: max, backoff: Backoff::new(first_pause, max_pause), max_pause, deadline }
    }

    /// The pause before the next retry; `None` if no retry is left, or too little time. `asked` is the
    /// pause that the server requests.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.backoff.next();
        let pause = asked.map_or(pause, |asked| asked.max(pause));
        let in_time = Instant::now().checked_add(pause).is_some_and(|then| then < self.deadline);
        (pause <= self.max_pause && in_time).then_some(pause)
    }
}

/// The pauses between the tries of one call: each twice as long as the one before, less a random part,
/// so that calls that failed at the same time are not retried at the same time.
#[derive(Debug)]
struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    fn new(first: Duration, max: Duration) -> Self {
        Self { next: first, max }
    }

    fn next(&mut self) -> Duration {
        let full = self.next.min(self.max);
        self.next = full.saturating_mul(2);
        // Every `RandomState` has keys of its own: enough randomness to scatter pauses.
        let random = RandomState::new().hash_one(0) % 1000;
        full.mul_f64(0.5 + f64::from(u32::try_from(random).unwrap_or_default()) / 2000.0)
    }
}

/// The pause in a `Retry-After` header: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300));
        for full in [100, 200, 300, 300] {
            let pause = backoff.next().as_millis();
            assert!((full / 2..=full).contains(&pause), "{pause} of {full}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let asked = |value: &str| {
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a value"))]))
        };
        assert_eq!(asked("3"), Some(Duration::from_secs(3)));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        assert!(asked(&soon).is_some_and(|pause| (58..=60).contains(&pause.as_secs())));
        assert_eq!(asked("-3"), None);
        assert_eq!(asked("soon"), None);
    }
}
