use std::cell::Cell;
use std::time::Duration;

use rhai_dispatcher_core::Tick;

use super::{Budget, EpochTicker};

/// What one script has used of its operations and of the processor's time, and how often it is checked.
///
/// A check reads the clock and the stop token. There is one every `interval` operations, which is adapted to how long
/// they take, and at every epoch.
#[derive(Debug)]
pub(crate) struct Meter {
    /// The lowest address of the stack that an operation may use.
    floor: usize,
    /// How long the script runs before it yields to others.
    slice: Duration,
    /// The most operations that it may do. Counted here and not by Rhai, which forgets what callbacks do.
    max_operations: Cell<u64>,
    /// Those until the last check.
    operations: Cell<u64>,
    /// How many the budget began with after that.
    granted: Cell<u32>,
    /// Operations from one check to the next.
    interval: Cell<u32>,
    /// When the current slice began.
    slice_start: Cell<Tick>,
    /// The slices before.
    used: Cell<Duration>,
    /// The last check in this slice.
    last_check: Cell<Tick>,
    /// Operations of the current slice.
    slice_operations: Cell<u32>,
    /// Whether the fiber is suspended only to let others run.
    yielding: Cell<bool>,
    /// The budget of the script while it is suspended.
    budget: Cell<Budget>,
}

/// Reading the clock takes about as long as one operation, so this many make it a percent or two.
const FIRST_INTERVAL: u32 = 4;
const MAX_INTERVAL: u32 = 1024;
/// A script relies on epochs when it is checked less often than every so many operations, or has run for longer than
/// [`SHORT`]: each of a few operations may copy a large value.
const FEW: u32 = 16;
const SHORT: Duration = Duration::from_micros(100);
/// What the interval is adapted to, since one operation may be a long native call.
const CHECK_EVERY: Duration = Duration::from_micros(50);
/// A slice ends here also when the clock stands still.
const MAX_SLICE_OPERATIONS: u32 = 100_000;

impl Meter {
    /// For a script whose operations may use the stack down to `floor`. What they use above `shallow` does not matter.
    pub(crate) fn new(floor: usize, shallow: usize, slice: Duration) -> Self {
        Self {
            floor,
            slice,
            max_operations: Cell::new(u64::MAX),
            operations: Cell::default(),
            granted: Cell::new(FIRST_INTERVAL),
            interval: Cell::new(FIRST_INTERVAL),
            slice_start: Cell::default(),
            used: Cell::default(),
            last_check: Cell::default(),
            slice_operations: Cell::default(),
            yielding: Cell::default(),
            budget: Cell::new(Budget::new(FIRST_INTERVAL, shallow)),
        }
    }

    /// Counts operations from now on, and ends the script when there are more than `max` (0: never). What was parsed
    /// before was none.
    pub(crate) fn limit_operations(&self, max: u64) {
        self.max_operations.set(if max == 0 { u64::MAX } else { max });
        self.operations.set(0);
        let budget = Budget::current();
        Budget { operations: self.grant(budget.operations), ..budget }.set_current();
    }

    /// Grants so many operations until the next check, or as many as are left.
    fn grant(&self, most: u32) -> u32 {
        let left = self.max_operations.get() - self.operations.get();
        let granted = u32::try_from(left).unwrap_or(u32::MAX).min(most);
        self.granted.set(granted);
        granted
    }

    /// Counts the operations since the last check, of which the budget has `left`, and this one. Returns whether it may
    /// be done.
    pub(crate) fn count(&self, left: u32) -> bool {
        let done = self.operations.get() + u64::from(self.granted.get() - left) + 1;
        self.operations.set(done.min(self.max_operations.get()));
        done <= self.max_operations.get()
    }

    /// How many operations the script has done that is current on this thread.
    pub(crate) fn operations(&self) -> u64 {
        let left = Budget::current().operations;
        self.operations.get() + u64::from(self.granted.get().saturating_sub(left))
    }

    /// Adapts the interval at a check, and renews the budget. Returns whether the slice is over.
    pub(crate) fn renew(&self, budget: Budget, epoch: u32, now: Tick) -> bool {
        let interval = self.interval.get();
        let operations = self.slice_operations.get().saturating_add(interval);
        self.slice_operations.set(operations);

        let took = (now - self.last_check.get()).max(Duration::from_nanos(1));
        self.last_check.set(now);
        let fitting = u128::from(interval) * CHECK_EVERY.as_nanos() / took.as_nanos();
        let fitting = u32::try_from(fitting).unwrap_or(u32::MAX);
        self.interval.set(fitting.clamp(1, MAX_INTERVAL.min(interval.saturating_mul(2))));

        Budget { operations: self.grant(self.interval.get()), epoch, ..budget }.set_current();
        self.slice_is_over(now) || operations >= MAX_SLICE_OPERATIONS
    }

    /// Whether the script relies on the next epoch, which has not been asked for.
    pub(crate) fn lacks_epoch(&self, now: Tick) -> bool {
        (self.interval.get() > FEW || self.cpu_time(now) > SHORT) && !EpochTicker::is_requested()
    }

    /// Makes this the meter of the script that the thread runs now, or ends that. Called in pairs, and nested ones are
    /// kept.
    pub(crate) fn swap(&self) {
        self.budget.set(self.budget.get().replace_current());
    }

    /// Begins a slice.
    pub(crate) fn begin_slice(&self, now: Tick) {
        self.slice_start.set(now);
        self.last_check.set(now);
        self.slice_operations.set(0);
    }

    /// Ends the slice.
    pub(crate) fn end_slice(&self, now: Tick) {
        self.used.set(self.cpu_time(now));
        self.slice_start.set(now);
    }

    /// The lowest address of the stack that an operation may use.
    pub(crate) fn floor(&self) -> usize {
        self.floor
    }

    /// How long the script ran in slices that have ended.
    pub(crate) fn used(&self) -> Duration {
        self.used.get()
    }

    /// How long the script has run, its waits not counted.
    pub(crate) fn cpu_time(&self, now: Tick) -> Duration {
        self.used.get() + (now - self.slice_start.get())
    }

    /// Whether the script has run for as long as it may at a time.
    pub(crate) fn slice_is_over(&self, now: Tick) -> bool {
        now - self.slice_start.get() >= self.slice
    }

    /// Notes whether the fiber is suspended only to let others run.
    pub(crate) fn set_yielding(&self, yielding: bool) {
        self.yielding.set(yielding);
    }

    /// Whether the fiber is suspended only to let others run.
    pub(crate) fn is_yielding(&self) -> bool {
        self.yielding.get()
    }
}
