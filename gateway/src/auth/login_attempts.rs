use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts the logins of each address.
#[derive(Debug)]
pub(crate) struct LoginAttempts {
    max: usize,
    counts: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    attempts: usize,
}

impl LoginAttempts {
    /// The time that they are counted for.
    const WINDOW: Duration = Duration::from_secs(60);
    /// How many addresses are remembered. Beyond it the one that began first is forgotten.
    const MAX_ADDRESSES: usize = 10_000;

    pub(crate) fn new(max: usize) -> Self {
        Self { max, counts: Mutex::default() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// If there were as many as may be: how long to wait.
    pub(crate) fn attempt(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        // Nothing panics while it holds the lock.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= Self::MAX_ADDRESSES && !counts.contains_key(&address) {
            counts.retain(|_, count| now < count.since + Self::WINDOW);
            let first = counts.iter().min_by_key(|(_, count)| count.since).map(|(address, _)| *address);
            if let Some(first) = first.filter(|_| counts.len() >= Self::MAX_ADDRESSES) {
                counts.remove(&first);
            }
        }
        let count = counts.entry(address).or_insert(Count { since: now, attempts: 0 });
        if count.since + Self::WINDOW <= now {
            *count = Count { since: now, attempts: 0 };
        }
        if count.attempts >= self.max {
            return Err(count.since + Self::WINDOW - now);
        }
        count.attempts += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_of_an_address_are_limited_and_their_number_is_bounded() {
        let attempts = LoginAttempts::new(2);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let one: IpAddr = "10.0.0.1".parse().expect("an address");
        let other: IpAddr = "10.0.0.2".parse().expect("an address");
        assert_eq!(attempts.attempt(one, at(0)), Ok(()));
        assert_eq!(attempts.attempt(one, at(10)), Ok(()));
        assert_eq!(attempts.attempt(one, at(15)), Err(Duration::from_secs(45)));
        assert_eq!(attempts.attempt(other, at(15)), Ok(()), "another address is not concerned");
        assert_eq!(attempts.attempt(one, at(60)), Ok(()));
        for number in 0..10_500_u32 {
            let _ = attempts.attempt(IpAddr::V4(number.into()), at(60));
        }
        assert_eq!(attempts.counts.lock().expect("a lock").len(), LoginAttempts::MAX_ADDRESSES);
    }
}
