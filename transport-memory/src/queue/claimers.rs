use std::collections::BTreeMap;
use std::task::Waker;

/// The claim futures that wait for a task in one queue, in the order in which they came.
///
/// One that was woken counts as woken until it is polled or dropped: so the futures that wait can share what is ready.
#[derive(Default)]
pub(crate) struct Claimers {
    waiting: BTreeMap<u64, Waker>,
    /// How many were woken and have not looked since.
    woken: usize,
    last_place: u64,
}

impl Claimers {
    /// Adds a future; its place, which it keeps until it is polled after a wake-up, or dropped.
    pub(crate) fn wait(&mut self, waker: Waker) -> u64 {
        self.last_place += 1;
        self.waiting.insert(self.last_place, waker);
        self.last_place
    }

    /// Keeps the waker of a future that is polled again, if it still waits: it was not woken. Returns the waker that it had
    /// before, to be dropped without the queue's lock, since that may run any code.
    #[must_use = "it is to be dropped without the queue's lock"]
    pub(crate) fn still_waits(&mut self, place: u64, waker: &Waker) -> Option<Waker> {
        let kept = self.waiting.get_mut(&place)?;
        Some(std::mem::replace(kept, waker.clone()))
    }

    /// Notes that a future that was woken has looked.
    pub(crate) fn looked(&mut self) {
        self.woken -= 1;
    }

    /// Removes a future that is dropped. Returns its waker, to be dropped without the queue's lock; `None` if it had been
    /// woken, and has not looked.
    #[must_use = "it is to be dropped without the queue's lock"]
    pub(crate) fn leave(&mut self, place: u64) -> Option<Waker> {
        let waker = self.waiting.remove(&place);
        self.woken -= usize::from(waker.is_none());
        waker
    }

    /// The waker of the future that has waited longest, which is to be woken.
    pub(crate) fn pop_first(&mut self) -> Option<Waker> {
        let (_, waker) = self.waiting.pop_first()?;
        self.woken += 1;
        Some(waker)
    }

    /// The wakers of all that wait, which are to be woken.
    pub(crate) fn pop_all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.woken += self.waiting.len();
        std::mem::take(&mut self.waiting).into_values()
    }

    /// How many want tasks: those that wait, and those that were woken.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.woken
    }
}

#[cfg(test)]
mod tests {
    use futures::task::{noop_waker, noop_waker_ref};

    use super::*;

    #[test]
    fn future_that_was_woken_counts_until_it_looks() {
        let mut claimers = Claimers::default();
        let places = [claimers.wait(noop_waker()), claimers.wait(noop_waker())];
        assert!(claimers.pop_first().is_some());
        assert_eq!(claimers.len(), 2);
        assert!(claimers.still_waits(places[0], noop_waker_ref()).is_none(), "it has waited longest");
        assert!(claimers.still_waits(places[1], noop_waker_ref()).is_some());
        claimers.looked();
        assert_eq!(claimers.len(), 1);
    }

    #[test]
    fn future_that_is_dropped_after_its_wake_up_says_so() {
        let mut claimers = Claimers::default();
        let places = [claimers.wait(noop_waker()), claimers.wait(noop_waker())];
        assert!(claimers.pop_first().is_some());
        assert!(claimers.leave(places[0]).is_none(), "another one takes its wake-up");
        assert!(claimers.leave(places[1]).is_some(), "it was not woken");
        assert_eq!(claimers.len(), 0);
    }

    #[test]
    fn all_are_woken_once() {
        let mut claimers = Claimers::default();
        for _ in 0..3 {
            claimers.wait(noop_waker());
        }
        assert_eq!(claimers.pop_all().count(), 3);
        assert_eq!(claimers.pop_all().count(), 0);
        assert_eq!(claimers.len(), 3, "none has looked yet");
    }
}
