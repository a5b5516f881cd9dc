use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::Stop;
use crate::{Claim, Tick, lock};

/// Stops of claims that no lane had begun when the stop came. Each takes effect when its task begins, on whatever lane.
///
/// Such a claim is on its way from the transport, or waits in the worker for a lane; or it had ended, and the stop was
/// too late. The latter are forgotten with time.
#[derive(Debug, Default)]
pub(super) struct EarlyStops {
    /// How many there are: a lane that begins a task takes no lock if there are none.
    count: AtomicUsize,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    stops: HashMap<Claim, Stop>,
    /// When each was noted, the oldest in front. Those that were taken may still be here.
    ages: VecDeque<(Tick, Claim)>,
}

/// How long a claim may be on its way from the transport to the worker.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// How many stops are noted at most: 17,000 a second that come too late, for as long as they are kept. Those that are
/// not too late are as many as a worker has capacity for, and are far fewer.
const MAX_EARLY: usize = 1 << 20;

impl EarlyStops {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        lock(&self.notes)
    }

    /// Notes a stop. Comes before the lanes are asked for the claim: one that begins it meanwhile finds the note.
    pub(super) fn note(&self, claim: Claim, why: Stop, now: Tick) {
        let mut notes = self.notes();
        if notes.stops.contains_key(&claim) {
            return;
        }
        notes.stops.insert(claim, why);
        notes.ages.push_back((now, claim));
        if notes.ages.len() > MAX_EARLY
            && let Some((_, oldest)) = notes.ages.pop_front()
            && notes.stops.remove(&oldest).is_some()
        {
            tracing::error!(
                ?oldest,
                MAX_EARLY,
                "a stop is forgotten: too many have come for claims that had ended"
            );
        }
        self.count.store(notes.stops.len(), Ordering::Relaxed);
    }

    /// Takes the stop of a claim, if there is one.
    pub(super) fn take(&self, claim: &Claim) -> Option<Stop> {
        // A stop that was noted before takes the lock of this lane's tasks after that, and finds the claim there.
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut notes = self.notes();
        let stop = notes.stops.remove(claim)?;
        notes.ages.pop_back_if(|(_, newest)| newest == claim);
        self.count.store(notes.stops.len(), Ordering::Relaxed);
        Some(stop)
    }

    /// Forgets the stops of claims that must have ended before they came: they are older than a claim may be on its
    /// way. While tasks wait for a lane, some of the stops may be for those.
    pub(super) fn prune(&self, now: Tick, tasks_wait: bool) {
        let mut notes = self.notes();
        while let Some((_, claim)) = notes.ages.front().copied().filter(|(at, _)| now - *at >= ON_ITS_WAY) {
            notes.ages.pop_front();
            if tasks_wait && notes.stops.contains_key(&claim) {
                notes.ages.push_back((now, claim));
            } else {
                notes.stops.remove(&claim);
            }
        }
        self.count.store(notes.stops.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CancelReason, InstanceId, TaskId};

    const CANCEL: Stop = Stop::Cancelled(CancelReason::Asked);

    fn claim() -> Claim {
        Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 1 }
    }

    fn at(seconds: u64) -> Tick {
        Tick::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_stop_that_is_taken_leaves_nothing() {
        let early = EarlyStops::default();
        for _ in 0..1_000 {
            let claim = claim();
            early.note(claim, CANCEL, at(0));
            early.note(claim, Stop::Lost, at(0));
            assert_eq!(early.take(&claim), Some(CANCEL), "the first counts");
            assert_eq!(early.take(&claim), None);
        }
        assert_eq!(early.count.load(Ordering::Relaxed), 0, "a start looks at nothing more");
        assert!(early.notes().ages.is_empty());
    }

    #[test]
    fn a_stop_that_came_too_late_is_forgotten_unless_tasks_wait() {
        let early = EarlyStops::default();
        let (ended, waiting) = (claim(), claim());
        early.note(ended, CANCEL, at(0));
        early.note(waiting, Stop::Lost, at(30));
        early.prune(at(59), false);
        assert_eq!(early.count.load(Ordering::Relaxed), 2);
        early.prune(at(61), true);
        early.prune(at(95), true);
        assert_eq!(early.count.load(Ordering::Relaxed), 2, "they may be for those that wait");
        early.prune(at(121), false);
        assert_eq!(early.take(&ended), None);
        assert_eq!(early.take(&waiting), Some(Stop::Lost), "it was looked at later");
        assert!(early.notes().stops.is_empty());
    }
}
