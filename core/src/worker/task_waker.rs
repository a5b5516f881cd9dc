use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Wake;
use std::time::Duration;

use super::StopToken;
use super::run_queue::RunQueue;
use crate::{Clock, Tick};

/// Puts one task into the run queue when it is woken, and decides when it is due.
///
/// A task is due half as long after its wake-up as it has waited: of thousands of calls that are answered together
/// after a second, and a sleep of 1 ms, the sleep runs first. A task that computed is due at least 20 times that time
/// later, so it takes about a twentieth of the thread while other tasks want it. A task that is to stop is due at once,
/// the first time. No task is due later than [`MAX_PATIENCE`] after its wake-up.
pub(super) struct TaskWaker {
    task: u64,
    queue: Arc<RunQueue>,
    clock: Arc<dyn Clock>,
    stop: StopToken,
    /// [`WAITING`], [`QUEUED`], [`POLLED`] or [`YIELDED`].
    state: AtomicU8,
    /// The start of its wait, in nanoseconds.
    since: AtomicU64,
    /// How long it computed before that, in nanoseconds.
    computed: AtomicU64,
    /// Whether it was queued first because of its stop.
    hurried: AtomicBool,
}

/// The longest time from the wake-up of a task to its due time.
const MAX_PATIENCE: Duration = Duration::from_millis(500);

/// The task waits to be woken.
const WAITING: u8 = 0;
/// The task is in the run queue.
const QUEUED: u8 = 1;
/// The task runs.
const POLLED: u8 = 2;
/// The task runs, and was woken meanwhile.
const YIELDED: u8 = 3;

impl TaskWaker {
    /// For the task of that number, which is about to run.
    pub(super) fn new(task: u64, queue: Arc<RunQueue>, clock: Arc<dyn Clock>, stop: StopToken) -> Self {
        Self {
            task,
            queue,
            clock,
            stop,
            state: AtomicU8::new(WAITING),
            since: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            hurried: AtomicBool::new(false),
        }
    }

    /// Whether the task is in the run queue. If not, a second entry of it there is void.
    pub(super) fn is_queued(&self) -> bool {
        self.state.load(Ordering::Acquire) == QUEUED
    }

    /// Begins a run of the task, which sees what its wakers wrote before.
    pub(super) fn run(&self) {
        self.state.swap(POLLED, Ordering::AcqRel);
    }

    /// Ends a run that began at `before`.
    pub(super) fn wait(&self, before: Tick, now: Tick) {
        self.since.store(now.as_nanos(), Ordering::Relaxed);
        self.computed.store((now - before).as_nanos() as u64, Ordering::Relaxed);
        let waits = self.state.compare_exchange(POLLED, WAITING, Ordering::AcqRel, Ordering::Acquire);
        if waits.is_err() {
            self.state.store(QUEUED, Ordering::Release);
            self.queue.push(self.due(now), self.task);
        }
    }

    /// Whether the task is to be queued first now: once, for its stop.
    fn hurries(&self) -> bool {
        self.stop.get().is_some() && !self.hurried.swap(true, Ordering::Relaxed)
    }

    /// The due time of the task if it is woken now.
    fn due(&self, now: Tick) -> Tick {
        if self.hurries() {
            return Tick::default();
        }
        let waited = now - Tick::from_nanos(self.since.load(Ordering::Relaxed));
        let computed = Duration::from_nanos(self.computed.load(Ordering::Relaxed));
        now + (waited / 2).max(computed * 20).min(MAX_PATIENCE)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
            WAITING => Some(QUEUED),
            POLLED => Some(YIELDED),
            // The write publishes what this wake-up is about to the next run.
            woken => Some(woken),
        });
        match woken {
            Ok(WAITING) => self.queue.push(self.due(self.clock.now()), self.task),
            // A second entry, ahead of the first: the first is void then.
            Ok(QUEUED) if self.hurries() => self.queue.push(Tick::default(), self.task),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::{ManualClock, Stop};

    /// The waker of a task that has computed for `computed` and waits since now.
    fn task_waker(id: u64, queue: &Arc<RunQueue>, clock: &ManualClock, computed: Duration) -> Arc<TaskWaker> {
        let waker = TaskWaker::new(id, Arc::clone(queue), Arc::new(clock.clone()), StopToken::new());
        waker.run();
        waker.wait(clock.now(), clock.now() + computed);
        Arc::new(waker)
    }

    fn order(queue: &RunQueue) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn a_short_sleep_overtakes_thousands_of_long_calls() {
        let (queue, clock) = (Arc::default(), ManualClock::new());
        let calls: Vec<_> = (0..1_000).map(|id| task_waker(id, &queue, &clock, Duration::ZERO)).collect();
        clock.advance(Duration::from_secs(1));
        let sleep = task_waker(1_000, &queue, &clock, Duration::ZERO);
        calls.into_iter().for_each(Wake::wake);
        clock.advance(Duration::from_millis(1));
        sleep.wake();
        assert_eq!(order(&queue), [1_000].into_iter().chain(0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn long_calls_are_overtaken_for_half_a_second_at_most() {
        let (queue, clock) = (Arc::default(), ManualClock::new());
        let call = task_waker(0, &queue, &clock, Duration::ZERO);
        clock.advance(Duration::from_secs(60 * 60));
        let sleeps = [1, 2].map(|id| task_waker(id, &queue, &clock, Duration::ZERO));
        call.wake();
        for sleep in sleeps {
            clock.advance(Duration::from_millis(330));
            sleep.wake();
        }
        assert_eq!(order(&queue), [1, 0, 2]);
    }

    #[test]
    fn a_task_that_waits_precedes_a_cpu_bound_one() {
        let (queue, clock) = (Arc::default(), ManualClock::new());
        let cpu_bound = task_waker(0, &queue, &clock, Duration::from_millis(1));
        let sleep = task_waker(1, &queue, &clock, Duration::from_micros(20));
        clock.advance(Duration::from_millis(5));
        cpu_bound.wake();
        sleep.wake();
        assert_eq!(order(&queue), [1, 0]);
    }

    #[test]
    fn a_task_that_is_to_stop_runs_first() {
        let (queue, clock) = (Arc::default(), ManualClock::new());
        let wakers: Vec<_> = (0..3).map(|id| task_waker(id, &queue, &clock, Duration::ZERO)).collect();
        clock.advance(Duration::from_millis(1));
        wakers.iter().for_each(Wake::wake_by_ref);
        wakers[2].stop.stop(Stop::Lost);
        for _ in 0..2 {
            wakers[2].wake_by_ref();
        }
        assert_eq!(order(&queue), [2, 0, 1, 2]);
    }

    #[test]
    fn a_task_that_ignores_its_stop_runs_first_only_once() {
        let (queue, clock) = (Arc::default(), ManualClock::new());
        let stubborn = task_waker(0, &queue, &clock, Duration::ZERO);
        let other = task_waker(1, &queue, &clock, Duration::ZERO);
        stubborn.stop.stop(Stop::Lost);
        stubborn.wake_by_ref();
        assert_eq!(order(&queue), [0]);
        other.wake();
        // It computes for 1 ms, and yields.
        stubborn.state.store(POLLED, Ordering::Relaxed);
        stubborn.wake_by_ref();
        let before = clock.now();
        clock.advance(Duration::from_millis(1));
        stubborn.wait(before, clock.now());
        assert_eq!(order(&queue), [1, 0]);
    }

    #[test]
    fn a_task_that_waited_for_its_stop_leaves_nothing() {
        let (queue, clock) = (Arc::default(), ManualClock::new());
        let task = task_waker(0, &queue, &clock, Duration::ZERO);
        let waker = Waker::from(Arc::clone(&task));
        assert!(task.stop.poll_stopped(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        task.stop.forget();
        assert_eq!(Arc::strong_count(&task), 1);
    }

    #[test]
    fn a_task_that_is_woken_while_it_runs_is_queued_again() {
        let (queue, clock) = (Arc::default(), ManualClock::new());
        let task = task_waker(0, &queue, &clock, Duration::ZERO);
        task.state.store(POLLED, Ordering::Relaxed);
        task.wake_by_ref();
        assert!(order(&queue).is_empty());
        task.wait(clock.now(), clock.now());
        assert_eq!(order(&queue), [0]);
    }
}
