use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::lock;

/// Decides which errors are logged: the first of each kind at once, and then at most one in
/// [`INTERVAL`](Self::INTERVAL), with a count of those that were left out.
///
/// An outage makes the same error many times a second, in each lane and each connection.
#[derive(Debug, Default)]
pub struct ErrorLog {
    /// The kinds that were logged last, the latest at the end.
    kinds: Mutex<Vec<Kind>>,
}

#[derive(Debug)]
struct Kind {
    name: String,
    logged_at: Instant,
    /// How many were left out since.
    left_out: u64,
}

impl ErrorLog {
    /// How long an error of a kind that was logged is only counted.
    pub const INTERVAL: Duration = Duration::from_secs(10);

    /// How many kinds are told apart; of more, the one that was logged first is forgotten.
    const MAX_KINDS: usize = 64;

    /// Whether an error of that kind is to be logged now: if so, how many of its kind were left out since the last.
    /// Errors of one kind have the same text.
    pub fn admit(&self, kind: &str) -> Option<u64> {
        self.admit_at(kind, Instant::now())
    }

    fn admit_at(&self, kind: &str, now: Instant) -> Option<u64> {
        let mut kinds = lock(&self.kinds);
        let known = kinds.iter().position(|known| known.name == kind);
        let (name, left_out) = match known {
            Some(index) if now.saturating_duration_since(kinds[index].logged_at) < Self::INTERVAL => {
                kinds[index].left_out += 1;
                return None;
            }
            Some(index) => {
                let known = kinds.remove(index);
                (known.name, known.left_out)
            }
            None => (kind.to_owned(), 0),
        };
        if kinds.len() >= Self::MAX_KINDS {
            kinds.remove(0);
        }
        kinds.push(Kind { name, logged_at: now, left_out: 0 });
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_one_kind_is_logged_once_and_then_with_a_count() {
        let log = ErrorLog::default();
        let start = Instant::now();
        assert_eq!(log.admit_at("READONLY", start), Some(0));
        for millis in 1..=684 {
            assert_eq!(log.admit_at("READONLY", start + Duration::from_millis(millis)), None);
        }
        assert_eq!(log.admit_at("OOM", start), Some(0), "another kind is logged at once");
        assert_eq!(log.admit_at("READONLY", start + ErrorLog::INTERVAL), Some(684));
        assert_eq!(log.admit_at("READONLY", start + ErrorLog::INTERVAL * 2), Some(0));
    }

    #[test]
    fn the_number_of_kinds_is_bounded() {
        let log = ErrorLog::default();
        let start = Instant::now();
        for number in 0..10_000 {
            assert_eq!(log.admit_at(&number.to_string(), start), Some(0));
        }
        assert_eq!(log.kinds.lock().expect("not poisoned").len(), ErrorLog::MAX_KINDS);
    }
}
