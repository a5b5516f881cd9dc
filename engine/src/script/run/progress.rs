use std::future::poll_fn;
use std::task::Poll;

use rhai::Dynamic;

use super::end::End;
use super::script_run::ScriptRun;
use crate::fiber;
use crate::memory::uncharged;
use crate::metering::{Budget, EpochTicker, Meter};

/// Counts an operation, and yields to other scripts if it is time. `Some` if the script has to end.
pub(crate) fn on_progress() -> Option<Dynamic> {
    let address = fiber::stack_address();
    if Budget::spend_operation(address) {
        return None;
    }
    check(address).map(|_| Dynamic::UNIT)
}

/// Yields to other scripts if it is time, also when the script has ended: for what is left to do then.
pub(crate) fn yield_point() {
    let Some(run) = ScriptRun::current() else { return };
    if run.meter().slice_is_over(run.clock().now()) {
        let_others_run(run.meter());
    }
}

/// The rare case of an operation. The end, once there is one, is reported at every operation:
/// some of Rhai's functions swallow the error of a callback and continue.
#[cold]
#[inline(never)]
fn check(address: usize) -> Option<End> {
    let run = ScriptRun::current()?;
    let meter = run.meter();
    let mut budget = Budget::current();

    // Off the fiber, where requests are polled and their answers looked at, it is another stack.
    if address < budget.lowest && fiber::is_current() {
        budget.lowest = address;
        budget.set_current();
        fiber::note_lowest(address);
        if address < meter.floor() {
            return run.end_with(End::OutOfStack);
        }
    }
    if let Some(end) = run.end() {
        return Some(end);
    }
    let epoch = EpochTicker::epoch();
    if budget.operations > 0 && budget.epoch == epoch {
        budget.operations -= 1;
        budget.set_current();
        return None;
    }

    let now = run.clock().now();
    if let Some(end) = run.end_at(now) {
        // What the script has is dropped next, in one step as large as the one before.
        if meter.slice_is_over(now) {
            let_others_run(meter);
        }
        return Some(end);
    }
    if !meter.count(budget.operations) {
        return run.end_with(End::OutOfOperations);
    }
    let slice_is_over = meter.renew(budget, epoch, now);
    if meter.lacks_epoch(now) {
        uncharged(EpochTicker::request);
    }
    if slice_is_over {
        let_others_run(meter);
    }
    run.end()
}

/// Suspends the fiber until the script holds its lane's run slot.
fn let_others_run(meter: &Meter) {
    let mut polled = false;
    // The future that polls the fiber sees that it yields, and resumes it when it holds the run slot.
    let resumed = poll_fn(|_| match std::mem::replace(&mut polled, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    });
    meter.set_yielding(true);
    // Errors: off a fiber no other script can run, and a stop is seen by the caller that asks for it.
    let _ = fiber::wait(resumed);
    meter.set_yielding(false);
}
