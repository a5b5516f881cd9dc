use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rhai_dispatcher::Invalid;

use super::{Secret, SecretHash};

/// The sessions of browsers, by the hashes of their ids.
#[derive(Debug)]
pub(crate) struct Sessions {
    max: usize,
    ttl: Duration,
    living: Mutex<HashMap<SecretHash, Session>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The token that it was begun with.
    pub(crate) token: SecretHash,
    /// What its requests prove with that they are its own.
    pub(crate) csrf: Arc<str>,
    ends: Instant,
    used: Instant,
}

impl Sessions {
    pub(crate) fn new(max: usize, ttl: Duration) -> Self {
        Self { max, ttl, living: Mutex::default() }
    }

    /// Begins a session. Returns its id, which is for its cookie.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) fn begin(&self, token: SecretHash, now: Instant) -> Result<(Secret, Session), Invalid> {
        let (id, csrf) = (Secret::generate()?, Secret::generate()?);
        let session = Session { token, csrf: csrf.expose().into(), ends: now + self.ttl, used: now };
        let mut living = self.lock();
        living.retain(|_, session| now < session.ends);
        if living.len() >= self.max
            && let Some(oldest) = living.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id)
        {
            living.remove(&oldest);
        }
        living.insert(id.hash(), session.clone());
        Ok((id, session))
    }

    /// The session with this id. It counts as used.
    pub(crate) fn of(&self, id: &SecretHash, now: Instant) -> Option<Session> {
        let mut living = self.lock();
        let session = living.get_mut(id).filter(|session| now < session.ends)?;
        session.used = now;
        Some(session.clone())
    }

    /// How long the session with this id lasts; none if it has ended. It counts as used.
    pub(crate) fn valid_for(&self, id: &SecretHash, now: Instant) -> Option<Duration> {
        self.of(id, now).map(|session| session.ends.saturating_duration_since(now))
    }

    /// Ends a session. Whether there was one.
    pub(crate) fn end(&self, id: &SecretHash) -> bool {
        self.lock().remove(id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SecretHash, Session>> {
        // Nothing panics while it holds the lock.
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_end_by_time_by_logout_and_when_there_are_too_many() {
        let sessions = Sessions::new(2, Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let begin = |now| sessions.begin(SecretHash::of("t1"), now).expect("a session").0.hash();
        let (one, two) = (begin(at(0)), begin(at(1)));
        assert!(sessions.of(&one, at(2)).is_some());
        let three = begin(at(3));
        assert!(
            sessions.of(&two, at(3)).is_none(),
            "the one that was not used for the longest time has ended"
        );
        assert!(sessions.of(&one, at(9)).is_some() && sessions.of(&one, at(10)).is_none());
        assert!(sessions.end(&three) && !sessions.end(&three));
        assert!(sessions.of(&three, at(4)).is_none());
    }
}
