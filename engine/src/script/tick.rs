use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::task::Poll;
use std::time::Duration;

use rhai::{Dynamic, EvalAltResult, Position};
use rhai_dispatcher_core::Tick;

use super::script_run::End;
use super::{ScriptRun, metronome};
use crate::fiber;

/// What is checked at the operations of one script, and how often.
///
/// Rhai reports every operation, and a script has millions a second. So the usual case compares two
/// numbers; the clock and the stop token are looked at every `interval` operations, and at every beat of
/// the metronome.
#[derive(Debug)]
pub(crate) struct Ticker {
    /// The lowest address of the stack that an operation may use.
    floor: usize,
    /// How long the script runs before others have a turn.
    slice: Duration,
    /// The most operations that it may do. Counted here and not by Rhai, which forgets what callbacks do.
    max_operations: Cell<u64>,
    /// Those until the last look.
    operations: Cell<u64>,
    /// How many the gauge began with after that.
    granted: Cell<u32>,
    /// Operations from one look at the clock to the next.
    interval: Cell<u32>,
    /// When the current slice began.
    slice_start: Cell<Tick>,
    /// The slices before.
    used: Cell<Duration>,
    /// The last look at the clock in this slice.
    last_look: Cell<Tick>,
    /// Operations of the current slice.
    slice_operations: Cell<u32>,
    /// Whether the fiber is suspended only to let others run.
    yielding: Cell<bool>,
    /// The gauge of the script while it is suspended.
    gauge: Cell<Gauge>,
}

/// What the usual operation looks at.
#[derive(Debug, Clone, Copy)]
struct Gauge {
    /// Operations until the next look at the clock.
    left: u32,
    /// The lowest address of the stack that an operation used.
    lowest: usize,
    /// The beat of the metronome at the last look.
    beat: u32,
    /// Uses of variables until the next check of their values.
    uses: u32,
    /// Bytes of text that have been assigned to parts of values since the last one.
    text: usize,
}

/// A look at the clock takes about as long as one operation, so this many make it a percent or two.
const FIRST_INTERVAL: u32 = 4;
const MAX_INTERVAL: u32 = 1024;
/// A script relies on the metronome when it looks less often than every so many operations, or has run for longer than
/// [`SHORT`]: each of a few operations may copy a large value.
const FEW: u32 = 16;
const SHORT: Duration = Duration::from_micros(100);
/// What the interval is adapted to, since one operation may be a long native call.
const LOOK_EVERY: Duration = Duration::from_micros(50);
/// A slice ends here also when the clock stands still.
const MAX_SLICE_OPERATIONS: u32 = 100_000;

/// Uses of variables from one check of their values to the next. A use makes a value larger by another one, or
/// deeper by some levels.
const MIN_USES: u32 = 4 * 1024;
const MAX_USES: u32 = 64 * 1024;

thread_local! {
    /// The gauge of the script that this thread runs now.
    static GAUGE: Cell<Gauge> = const { Cell::new(Gauge { left: 0, lowest: usize::MAX, beat: 0, uses: 0, text: 0 }) };
}

/// Counts an operation, and lets others have a turn if it is time. `Some` if the script has to end.
pub(crate) fn on_progress() -> Option<Dynamic> {
    let address = fiber::stack_address();
    let mut gauge = GAUGE.get();
    if address < gauge.lowest || gauge.left == 0 || gauge.beat != metronome::beat() {
        return look(address).map(|_| Dynamic::UNIT);
    }
    gauge.left -= 1;
    GAUGE.set(gauge);
    None
}

/// Lets others have a turn if it is time, also when the script has ended: for what is left to do then.
pub(crate) fn yield_point() {
    let Some(run) = ScriptRun::current() else { return };
    if run.ticker().slice_is_over(run.clock().now()) {
        run.ticker().let_others_run();
    }
}

/// What Rhai calls at each operation. `Some` ends the script.
///
/// Where Rhai interpolates a string, an operation comes before the call of `to_string`, and an error of it is taken for
/// one of `to_string`: Rhai then writes the whole value by itself, however long that takes. So a script that has such
/// strings is ended by unwinding, up to [`catch`].
pub(crate) fn on_operation() -> Option<Dynamic> {
    let token = on_progress()?;
    if ScriptRun::with_current(ScriptRun::interpolates).unwrap_or_default() {
        panic::resume_unwind(Box::new(Unwinding));
    }
    Some(token)
}

/// Calls `f`, which runs a script, and catches what [`on_operation`] ends it by.
pub(crate) fn catch<T>(f: impl FnOnce() -> Result<T, Box<EvalAltResult>>) -> Result<T, Box<EvalAltResult>> {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result,
        Err(payload) if payload.is::<Unwinding>() => {
            Err(EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into())
        }
        Err(panic) => panic::resume_unwind(panic),
    }
}

/// The payload of the panic that ends a script. It is no fault, and no panic hook hears of it.
struct Unwinding;

/// Counts a use of a variable. Whether the values of variables are to be checked now.
pub(crate) fn variables_are_due() -> bool {
    let mut gauge = GAUGE.get();
    let due = gauge.uses == 0;
    gauge.uses = gauge.uses.saturating_sub(1);
    GAUGE.set(gauge);
    due
}

/// Lets variables be used about as often as there are `values` in them before the next check, so that each use pays
/// for one of them.
pub(crate) fn check_variables_after(values: usize) {
    let uses = u32::try_from(values).unwrap_or(MAX_USES).clamp(MIN_USES, MAX_USES);
    GAUGE.set(Gauge { uses, text: 0, ..GAUGE.get() });
}

/// Notes that a text has been assigned to a part of a value. Makes the next use of a variable check them if there is
/// more of it than a string may have: `max` bytes, or 0 for no limit.
pub(crate) fn text_assigned(bytes: usize, max: usize) {
    let gauge = GAUGE.get();
    let text = gauge.text.saturating_add(bytes);
    let uses = if max > 0 && text > max { 0 } else { gauge.uses };
    GAUGE.set(Gauge { uses, text, ..gauge });
}

/// Makes the next operation look whether the script has to end.
pub(crate) fn look_next() {
    // As after a beat, so that the operations are counted on.
    GAUGE.set(Gauge { beat: metronome::beat().wrapping_sub(1), ..GAUGE.get() });
}

/// The rare case of an operation. The end, once there is one, is reported at every operation:
/// some of Rhai's functions swallow the error of a callback and go on.
#[cold]
#[inline(never)]
fn look(address: usize) -> Option<End> {
    let run = ScriptRun::current()?;
    let ticker = run.ticker();
    let mut gauge = GAUGE.get();

    // Off the fiber, where requests are polled and their answers looked at, it is another stack.
    if address < gauge.lowest && fiber::is_current() {
        gauge.lowest = address;
        GAUGE.set(gauge);
        fiber::note_lowest(address);
        if address < ticker.floor {
            return run.end_with(End::OutOfStack);
        }
    }
    if let Some(end) = run.end() {
        return Some(end);
    }
    let beat = metronome::beat();
    if gauge.left > 0 && gauge.beat == beat {
        gauge.left -= 1;
        GAUGE.set(gauge);
        return None;
    }

    let now = run.clock().now();
    if let Some(end) = run.end_at(now) {
        // What the script has is dropped next, in one step as large as the one before.
        if ticker.slice_is_over(now) {
            ticker.let_others_run();
        }
        return Some(end);
    }
    if !ticker.count(gauge.left) {
        return run.end_with(End::OutOfOperations);
    }
    let slice_is_over = ticker.look(now);
    GAUGE.set(Gauge { left: ticker.grant(ticker.interval.get()), beat, ..gauge });
    if ticker.interval.get() > FEW || ticker.cpu_time(now) > SHORT {
        metronome::want();
    }
    if slice_is_over {
        ticker.let_others_run();
    }
    run.end()
}

impl Ticker {
    /// For a script whose operations may use the stack down to `floor`. What they use above
    /// `shallow` is of no interest.
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
            last_look: Cell::default(),
            slice_operations: Cell::default(),
            yielding: Cell::default(),
            gauge: Cell::new(Gauge {
                left: FIRST_INTERVAL,
                lowest: shallow,
                beat: metronome::beat(),
                uses: MIN_USES,
                text: 0,
            }),
        }
    }

    /// Counts operations from now on, and ends the script when there are more than `max` (0: never). What was parsed
    /// before was none.
    pub(crate) fn limit_operations(&self, max: u64) {
        self.max_operations.set(if max == 0 { u64::MAX } else { max });
        self.operations.set(0);
        let gauge = GAUGE.get();
        GAUGE.set(Gauge { left: self.grant(gauge.left), ..gauge });
    }

    /// Lets so many operations be done until the next look, or as many as are left.
    fn grant(&self, most: u32) -> u32 {
        let left = self.max_operations.get() - self.operations.get();
        let granted = u32::try_from(left).unwrap_or(u32::MAX).min(most);
        self.granted.set(granted);
        granted
    }

    /// Counts the operations since the last look, of which the gauge had `left`, and this one. Whether it may be done.
    fn count(&self, left: u32) -> bool {
        let done = self.operations.get() + u64::from(self.granted.get() - left) + 1;
        self.operations.set(done.min(self.max_operations.get()));
        done <= self.max_operations.get()
    }

    /// Makes this the ticker of the script that the thread runs now, or ends that. Called in
    /// pairs, and nested ones are kept.
    pub(crate) fn swap(&self) {
        self.gauge.set(GAUGE.replace(self.gauge.get()));
    }

    /// Begins a slice.
    pub(crate) fn begin_slice(&self, now: Tick) {
        self.slice_start.set(now);
        self.last_look.set(now);
        self.slice_operations.set(0);
    }

    /// Ends the slice.
    pub(crate) fn end_slice(&self, now: Tick) {
        self.used.set(self.cpu_time(now));
        self.slice_start.set(now);
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
    fn slice_is_over(&self, now: Tick) -> bool {
        now - self.slice_start.get() >= self.slice
    }

    /// Suspends the fiber until its turn comes again.
    fn let_others_run(&self) {
        let mut polled = false;
        // Who polls the fiber sees that it yields, and resumes it when its turn has come.
        let resumed = poll_fn(|_| match std::mem::replace(&mut polled, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        self.yielding.set(true);
        // Errors: off a fiber there is nobody to yield to, and a stop is seen by who asks for it.
        let _ = fiber::wait(resumed);
        self.yielding.set(false);
    }

    /// Whether the fiber is suspended only to let others run.
    pub(crate) fn is_yielding(&self) -> bool {
        self.yielding.get()
    }

    /// A look at the clock. Whether the slice is over.
    fn look(&self, now: Tick) -> bool {
        let interval = self.interval.get();
        let operations = self.slice_operations.get().saturating_add(interval);
        self.slice_operations.set(operations);

        let took = (now - self.last_look.get()).max(Duration::from_nanos(1));
        self.last_look.set(now);
        let fitting = u128::from(interval) * LOOK_EVERY.as_nanos() / took.as_nanos();
        let fitting = u32::try_from(fitting).unwrap_or(u32::MAX);
        self.interval.set(fitting.clamp(1, MAX_INTERVAL.min(interval.saturating_mul(2))));

        self.slice_is_over(now) || operations >= MAX_SLICE_OPERATIONS
    }
}
