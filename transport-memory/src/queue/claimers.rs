use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::Duration;

use rhai_dispatcher_core::Tick;

/// The claim futures that wait for a task in one queue, in the order in which they came.
///
/// One that was woken counts as woken until it is polled or dropped: so the futures that wait can share what is ready. What
/// one of them leaves for the others is kept for them: a worker on a processor claims again and again before the thread of
/// another one has begun to run, and would get everything, by halves.
#[derive(Default)]
pub(crate) struct Claimers {
    waiting: BTreeMap<u64, Waker>,
    /// Those that were woken and have not looked since.
    woken: BTreeSet<u64>,
    /// How many ready tasks are kept for those that wait or were woken.
    kept: BTreeMap<u64, usize>,
    /// For how long.
    kept_until: Option<Tick>,
    /// Those that have not looked in that time: their threads may be blocked. Nothing is kept for them until they look.
    late: BTreeSet<u64>,
    last_place: u64,
}

/// For how long tasks are kept for a claim: the threads of a busy machine mostly run within that time.
const KEPT: Duration = Duration::from_millis(10);

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

    /// Notes that a future that was woken has looked. Returns how many tasks were kept for it.
    pub(crate) fn looked(&mut self, place: u64) -> usize {
        self.woken.remove(&place);
        self.late.remove(&place);
        let kept = self.kept.remove(&place).unwrap_or(0);
        if self.kept.is_empty() {
            self.kept_until = None;
        }
        kept
    }

    /// Removes a future that is dropped. Returns its waker, to be dropped without the queue's lock; `None` if it had been
    /// woken, and has not looked.
    #[must_use = "it is to be dropped without the queue's lock"]
    pub(crate) fn leave(&mut self, place: u64) -> Option<Waker> {
        self.looked(place);
        self.waiting.remove(&place)
    }

    /// The waker of the future that has waited longest, which is to be woken.
    pub(crate) fn pop_first(&mut self) -> Option<Waker> {
        let (place, waker) = self.waiting.pop_first()?;
        self.woken.insert(place);
        Some(waker)
    }

    /// The wakers of all that wait, which are to be woken.
    pub(crate) fn pop_all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.woken.extend(self.waiting.keys());
        std::mem::take(&mut self.waiting).into_values()
    }

    /// How many want tasks: those that wait, and those that were woken.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.woken.len()
    }

    /// Keeps `tasks` for those that want some, evenly. Returns the wakers of those that wait, which are to be woken.
    pub(crate) fn keep(&mut self, tasks: usize, now: Tick) -> Vec<Waker> {
        let all = self.woken.iter().chain(self.waiting.keys());
        let places: Vec<_> = all.filter(|place| !self.late.contains(place)).copied().collect();
        let mut wakers = Vec::new();
        let mut left = tasks;
        for (index, place) in places.iter().enumerate() {
            let share = left.div_ceil(places.len() - index);
            if share == 0 {
                break;
            }
            left -= share;
            *self.kept.entry(*place).or_default() += share;
            if let Some(waker) = self.waiting.remove(place) {
                self.woken.insert(*place);
                wakers.push(waker);
            }
        }
        if !self.kept.is_empty() {
            self.kept_until.get_or_insert(now + KEPT);
        }
        wakers
    }

    /// How many tasks are kept.
    pub(crate) fn kept(&self) -> usize {
        self.kept.values().sum()
    }

    /// Until when.
    pub(crate) fn kept_until(&self) -> Option<Tick> {
        self.kept_until
    }

    /// Keeps nothing any more if the time for it is over. Whether it was.
    pub(crate) fn end_keeping(&mut self, now: Tick) -> bool {
        let is_over = self.kept_until.is_some_and(|until| until <= now);
        if is_over {
            self.late.extend(std::mem::take(&mut self.kept).into_keys());
            self.kept_until = None;
        }
        is_over
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
        claimers.looked(places[0]);
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
