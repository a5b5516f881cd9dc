use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::task::AtomicWaker;

use super::job::Job;
use super::lane_state::LaneState;
use super::{Ran, StopToken};
use crate::{Clock, Tick};

/// The tasks of a lane that have begun, and the order in which those go on that can.
///
/// Each is due some time after it was woken, and the earliest due goes on first. The time is half of
/// what it waited: so when thousands are answered at once that each waited for a second, who slept a
/// millisecond does not stand behind all of them. For who computed it is at least twenty times as
/// long as that took, so that it takes about a twentieth of the thread while others want it. A task that is
/// to stop is due at once, and if it goes on all the same, in its turn. Nobody is overtaken by what is
/// woken more than [`MAX_PATIENCE`] after it.
pub(super) struct Jobs {
    clock: Arc<dyn Clock>,
    /// Is told which task is polled.
    state: Arc<LaneState>,
    jobs: HashMap<u64, Entry>,
    next_id: u64,
    ready: Arc<Ready>,
    /// The alarm of a task that ended before anybody could wake it.
    spare: Option<Arc<Alarm>>,
}

struct Entry {
    job: Job,
    alarm: Arc<Alarm>,
    /// Made of `alarm`.
    waker: Waker,
}

/// The longest that a task is due after it was woken.
const MAX_PATIENCE: Duration = Duration::from_millis(500);

impl Jobs {
    pub(super) fn new(clock: Arc<dyn Clock>, state: Arc<LaneState>) -> Self {
        Self { clock, state, jobs: HashMap::new(), next_id: 0, ready: Arc::default(), spare: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Lets a new task run up to its first wait. How it ended, if it has.
    pub(super) fn begin(&mut self, job: Job) -> Option<(Job, Ran)> {
        let (id, mut entry) = self.enter(job);
        // Most tasks end now, and need no place among those that wait.
        if let Poll::Ready(ran) = entry.poll(&*self.clock, &self.state) {
            let Entry { job, alarm, waker } = entry;
            drop(waker);
            job.stop.forget();
            self.spare = Some(alarm);
            return Some((job, ran));
        }
        self.jobs.insert(id, entry);
        None
    }

    /// Whether a task can go on.
    pub(super) fn has_ready(&self) -> bool {
        self.ready.has_one()
    }

    /// Whether a task can go on; if not, the context is woken when one can.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> bool {
        self.ready.has_one() || {
            self.ready.lane.register(cx.waker());
            // One may have been woken between the look and the registration.
            self.ready.has_one()
        }
    }

    /// Lets the task go on that is due first, if one can. How it ended, if it has.
    pub(super) fn run_next(&mut self) -> Poll<Option<(Job, Ran)>> {
        while let Some(id) = self.ready.pop() {
            // If not, it went on earlier, for its stop.
            let is_queued = |entry: &&mut Entry| entry.alarm.state.load(Ordering::Acquire) == QUEUED;
            let Some(entry) = self.jobs.get_mut(&id).filter(is_queued) else { continue };
            let ended = entry.poll(&*self.clock, &self.state);
            let Poll::Ready(ran) = ended else { return Poll::Ready(None) };
            let ended = self.jobs.remove(&id).map(|entry| entry.job);
            return Poll::Ready(ended.map(|job| {
                job.stop.forget();
                (job, ran)
            }));
        }
        Poll::Pending
    }

    fn enter(&mut self, job: Job) -> (u64, Entry) {
        self.next_id += 1;
        let alarm = Alarm {
            id: self.next_id,
            ready: Arc::clone(&self.ready),
            clock: Arc::clone(&self.clock),
            stop: job.stop.clone(),
            state: AtomicU8::new(WAITING),
            since: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            hurried: AtomicBool::new(false),
        };
        let alarm = match self.spare.take() {
            Some(mut spare) => {
                match Arc::get_mut(&mut spare) {
                    Some(place) => *place = alarm,
                    None => spare = Arc::new(alarm), // somebody holds a waker of that task yet
                }
                spare
            }
            None => Arc::new(alarm),
        };
        let waker = Waker::from(Arc::clone(&alarm));
        (self.next_id, Entry { job, alarm, waker })
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.jobs.values().for_each(|entry| entry.job.stop.forget());
    }
}

impl Entry {
    fn poll(&mut self, clock: &dyn Clock, state: &LaneState) -> Poll<Ran> {
        state.slot().set(self.job.claim.task);
        // Whoever woke it before this has written what the poll is to see.
        self.alarm.state.swap(POLLED, Ordering::AcqRel);
        let before = clock.now();
        let polled = Pin::new(&mut self.job).poll(&mut Context::from_waker(&self.waker));
        if polled.is_pending() {
            self.alarm.wait(before, clock.now());
        }
        polled
    }
}

/// Wakes one task.
struct Alarm {
    id: u64,
    ready: Arc<Ready>,
    clock: Arc<dyn Clock>,
    stop: StopToken,
    /// [`WAITING`], [`QUEUED`], [`POLLED`] or [`YIELDED`].
    state: AtomicU8,
    /// Since when it waits, in nanoseconds.
    since: AtomicU64,
    /// How long it computed before that, in nanoseconds.
    computed: AtomicU64,
    /// Whether it was put first for its stop.
    hurried: AtomicBool,
}

/// It waits to be woken.
const WAITING: u8 = 0;
/// It stands among those that can go on.
const QUEUED: u8 = 1;
/// It runs.
const POLLED: u8 = 2;
/// It runs, and was woken meanwhile.
const YIELDED: u8 = 3;

impl Alarm {
    /// Ends the time in which the task ran.
    fn wait(&self, before: Tick, now: Tick) {
        self.since.store(now.as_nanos(), Ordering::Relaxed);
        self.computed.store((now - before).as_nanos() as u64, Ordering::Relaxed);
        let waits = self.state.compare_exchange(POLLED, WAITING, Ordering::AcqRel, Ordering::Acquire);
        if waits.is_err() {
            self.state.store(QUEUED, Ordering::Release);
            self.ready.push(self.due(now), self.id);
        }
    }

    /// Whether it is to be put first now: once, for its stop.
    fn hurries(&self) -> bool {
        self.stop.get().is_some() && !self.hurried.swap(true, Ordering::Relaxed)
    }

    /// When it is due, if it is woken now.
    fn due(&self, now: Tick) -> Tick {
        if self.hurries() {
            return Tick::default();
        }
        let waited = now - Tick::from_nanos(self.since.load(Ordering::Relaxed));
        let computed = Duration::from_nanos(self.computed.load(Ordering::Relaxed));
        now + (waited / 2).max(computed * 20).min(MAX_PATIENCE)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
            WAITING => Some(QUEUED),
            POLLED => Some(YIELDED),
            // Written nevertheless, for whoever polls it next to see what the wake-up is about.
            woken => Some(woken),
        });
        match woken {
            Ok(WAITING) => self.ready.push(self.due(self.clock.now()), self.id),
            // It may stand where it is late for its stop. Its other place is passed over then.
            Ok(QUEUED) if self.hurries() => self.ready.push(Tick::default(), self.id),
            _ => {}
        }
    }
}

/// Those that can go on.
#[derive(Default)]
struct Ready {
    queue: Mutex<Queue>,
    /// Wakes the lane.
    lane: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    /// By when they are due, and by when they came.
    places: BinaryHeap<Reverse<(Tick, u64, u64)>>,
    next: u64,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock, save for an allocation that fails.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, due: Tick, id: u64) {
        let mut queue = self.lock();
        queue.next += 1;
        let place = (due, queue.next, id);
        queue.places.push(Reverse(place));
        drop(queue);
        self.lane.wake();
    }

    fn pop(&self) -> Option<u64> {
        self.lock().places.pop().map(|Reverse((.., id))| id)
    }

    fn has_one(&self) -> bool {
        !self.lock().places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ManualClock, Stop};

    /// An alarm of a task that has computed for so long and waits since now.
    fn alarm(id: u64, ready: &Arc<Ready>, clock: &ManualClock, computed: Duration) -> Arc<Alarm> {
        let alarm = Alarm {
            id,
            ready: Arc::clone(ready),
            clock: Arc::new(clock.clone()),
            stop: StopToken::new(),
            state: AtomicU8::new(POLLED),
            since: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            hurried: AtomicBool::new(false),
        };
        alarm.wait(clock.now(), clock.now() + computed);
        Arc::new(alarm)
    }

    fn order(ready: &Ready) -> Vec<u64> {
        std::iter::from_fn(|| ready.pop()).collect()
    }

    #[test]
    fn a_short_sleep_overtakes_thousands_of_long_calls() {
        let (ready, clock) = (Arc::default(), ManualClock::new());
        let calls: Vec<_> = (0..1_000).map(|id| alarm(id, &ready, &clock, Duration::ZERO)).collect();
        clock.advance(Duration::from_secs(1));
        let sleep = alarm(1_000, &ready, &clock, Duration::ZERO);
        calls.into_iter().for_each(Wake::wake);
        clock.advance(Duration::from_millis(1));
        sleep.wake();
        assert_eq!(order(&ready), [1_000].into_iter().chain(0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn long_calls_are_overtaken_for_half_a_second_at_most() {
        let (ready, clock) = (Arc::default(), ManualClock::new());
        let call = alarm(0, &ready, &clock, Duration::ZERO);
        clock.advance(Duration::from_secs(60 * 60));
        let sleeps = [1, 2].map(|id| alarm(id, &ready, &clock, Duration::ZERO));
        call.wake();
        for sleep in sleeps {
            clock.advance(Duration::from_millis(330));
            sleep.wake();
        }
        assert_eq!(order(&ready), [1, 0, 2]);
    }

    #[test]
    fn who_computes_lets_those_go_first_who_do_not() {
        let (ready, clock) = (Arc::default(), ManualClock::new());
        let burner = alarm(0, &ready, &clock, Duration::from_millis(1));
        let sleep = alarm(1, &ready, &clock, Duration::from_micros(20));
        clock.advance(Duration::from_millis(5));
        burner.wake();
        sleep.wake();
        assert_eq!(order(&ready), [1, 0]);
    }

    #[test]
    fn what_is_to_stop_goes_first_wherever_it_stood() {
        let (ready, clock) = (Arc::default(), ManualClock::new());
        let alarms: Vec<_> = (0..3).map(|id| alarm(id, &ready, &clock, Duration::ZERO)).collect();
        clock.advance(Duration::from_millis(1));
        alarms.iter().for_each(Wake::wake_by_ref);
        alarms[2].stop.stop(Stop::Lost);
        for _ in 0..2 {
            alarms[2].wake_by_ref();
        }
        assert_eq!(order(&ready), [2, 0, 1, 2]);
    }

    #[test]
    fn what_goes_on_in_spite_of_its_stop_has_its_turn_and_no_more() {
        let (ready, clock) = (Arc::default(), ManualClock::new());
        let stubborn = alarm(0, &ready, &clock, Duration::ZERO);
        let other = alarm(1, &ready, &clock, Duration::ZERO);
        stubborn.stop.stop(Stop::Lost);
        stubborn.wake_by_ref();
        assert_eq!(order(&ready), [0]);
        other.wake();
        // It computes for a millisecond, and yields.
        stubborn.state.store(POLLED, Ordering::Relaxed);
        stubborn.wake_by_ref();
        let before = clock.now();
        clock.advance(Duration::from_millis(1));
        stubborn.wait(before, clock.now());
        assert_eq!(order(&ready), [1, 0]);
    }

    #[test]
    fn a_task_that_waited_for_its_stop_leaves_nothing() {
        let (ready, clock) = (Arc::default(), ManualClock::new());
        let alarm = alarm(0, &ready, &clock, Duration::ZERO);
        let waker = Waker::from(Arc::clone(&alarm));
        assert!(alarm.stop.poll_stopped(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        alarm.stop.forget();
        assert_eq!(Arc::strong_count(&alarm), 1);
    }

    #[test]
    fn a_task_that_is_woken_while_it_runs_goes_on_after_that() {
        let (ready, clock) = (Arc::default(), ManualClock::new());
        let alarm = alarm(0, &ready, &clock, Duration::ZERO);
        alarm.state.store(POLLED, Ordering::Relaxed);
        alarm.wake_by_ref();
        assert!(order(&ready).is_empty());
        alarm.wait(clock.now(), clock.now());
        assert_eq!(order(&ready), [0]);
    }
}
