use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use bytes::Bytes;
use rhai_dispatcher_core::lock;
use tokio::sync::Notify;

/// The ids that a bridge holds, each once.
#[derive(Debug, Default)]
pub(super) struct HeldIds {
    ids: Mutex<HashMap<Bytes, Phase>>,
    /// An id was answered.
    changed: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has no outcome yet.
    Running,
    /// Its outcome is written, or about to be.
    Ending,
    /// The same, and its client has pushed it again since.
    EndingAndPushedAgain,
}

/// What to do with an id that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Serve it.
    New,
    /// Strike off the repeat: it was pushed twice, and the answer is for both.
    Twice,
    /// It was pushed after its outcome, and is served again when that was sent.
    Again,
}

impl HeldIds {
    /// Notes an id that was taken.
    pub(super) fn take(&self, id: &Bytes) -> Taken {
        let mut ids = lock(&self.ids);
        match ids.get_mut(id) {
            None => {
                ids.insert(id.clone(), Phase::Running);
                Taken::New
            }
            Some(Phase::Running) => Taken::Twice,
            Some(phase @ Phase::Ending) => {
                *phase = Phase::EndingAndPushedAgain;
                Taken::Again
            }
            Some(Phase::EndingAndPushedAgain) => Taken::Twice,
        }
    }

    /// Notes that the outcome of an id is about to be written.
    pub(super) fn end(&self, id: &Bytes) {
        if let Some(phase @ Phase::Running) = lock(&self.ids).get_mut(id) {
            *phase = Phase::Ending;
        }
    }

    /// Whether an id that was [ended](Self::end) has been pushed again since.
    pub(super) fn is_pushed_again(&self, id: &Bytes) -> bool {
        lock(&self.ids).get(id) == Some(&Phase::EndingAndPushedAgain)
    }

    /// Notes that an id has no outcome after all: writing it has failed. What was pushed again is the same submission.
    pub(super) fn reopen(&self, id: &Bytes) {
        if let Some(phase) = lock(&self.ids).get_mut(id) {
            *phase = Phase::Running;
        }
    }

    /// Lets go of an id that was answered and struck off, unless it is to be served again: whether it is.
    pub(super) fn finish(&self, id: &Bytes) -> bool {
        let mut ids = lock(&self.ids);
        if let Some(phase @ Phase::EndingAndPushedAgain) = ids.get_mut(id) {
            *phase = Phase::Running;
            return true;
        }
        ids.remove(id);
        drop(ids);
        self.changed.notify_waiters();
        false
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, id: &Bytes) -> bool {
        lock(&self.ids).contains_key(id)
    }

    /// All of them.
    pub(super) fn ids(&self) -> HashSet<Bytes> {
        lock(&self.ids).keys().cloned().collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.ids).len()
    }

    /// Waits until there are fewer than `limit`.
    pub(super) async fn fewer_than(&self, limit: usize) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Before the count: what changes after it notifies.
            changed.as_mut().enable();
            if self.count() < limit {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_pushed_twice_is_one_submission_until_its_outcome() {
        let (held, id) = (HeldIds::default(), Bytes::from_static(b"a"));
        assert_eq!(held.take(&id), Taken::New);
        assert_eq!(held.take(&id), Taken::Twice);
        held.end(&id);
        assert_eq!(held.take(&id), Taken::Again);
        assert_eq!(held.take(&id), Taken::Twice);
        assert!(held.finish(&id), "it is served again");
        assert_eq!(held.take(&id), Taken::Twice);
        assert!(!held.finish(&id));
        assert_eq!(held.count(), 0);
    }

    #[test]
    fn an_id_whose_outcome_was_not_written_is_still_one_submission() {
        let (held, id) = (HeldIds::default(), Bytes::from_static(b"a"));
        held.take(&id);
        held.end(&id);
        assert!(!held.is_pushed_again(&id));
        assert_eq!(held.take(&id), Taken::Again);
        assert!(held.is_pushed_again(&id));
        held.reopen(&id);
        assert_eq!(held.take(&id), Taken::Twice);
        held.end(&id);
        assert!(!held.finish(&id), "it is not served again");
    }
}
