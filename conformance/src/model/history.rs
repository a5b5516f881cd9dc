use std::time::Duration;

use proptest::prelude::*;
use rhai_dispatcher_core::{CancelReason, Priority};

use super::operation::{End, Operation, TaskSpec};
use super::queue_model::QueueModel;

/// What random times a history has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// Some ten milliseconds, which pass.
    Passing,
    /// Zero, and such that never come.
    Standing,
}

/// The most operations of a history.
const MAX_OPERATIONS: usize = 40;
/// All times are multiples of it: the memory transport looks for expired tasks that often.
pub(super) const UNIT: Duration = Duration::from_millis(10);
/// Longer than a test takes.
pub(super) const NEVER: Duration = Duration::from_secs(3_600);

/// Random histories: two of three of all operations, and one in which many instances die.
pub(super) fn histories(times: Times) -> impl Strategy<Value = Vec<Operation>> {
    let history = |operation| proptest::collection::vec(operation, 1..=MAX_OPERATIONS);
    prop_oneof![2 => history(operation(times)).boxed(), 1 => history_of_crashes(times).boxed()]
}

/// Begins with some quarantined tasks.
fn history_of_crashes(times: Times) -> impl Strategy<Value = Vec<Operation>> {
    let tasks = proptest::collection::vec(task(times, Just(None).boxed()), 1..=6);
    let rest = proptest::collection::vec(operation_of_crashes(times), 1..=MAX_OPERATIONS);
    (tasks, rest).prop_map(|(tasks, rest)| {
        let begin = [
            Operation::Submit { queue: 0, tasks },
            Operation::Claim { slot: 0, max: 6 },
            Operation::ReportCrash { slot: 0, running: u8::MAX },
            Operation::Replace { slot: 0 },
        ];
        begin.into_iter().chain(rest).collect()
    })
}

/// On one queue, where most tasks are quarantined after a while.
fn operation_of_crashes(times: Times) -> BoxedStrategy<Operation> {
    let slot = || 0..2_usize;
    let task = || task(times, Just(None).boxed());
    let running = prop_oneof![Just(u8::MAX), any::<u8>()];
    let end = prop_oneof![
        12 => Just(End::Complete), 1 => Just(End::Release), 1 => Just(End::Requeue), 1 => Just(End::Abandon)
    ];
    let submit = proptest::collection::vec(task(), 1..=5);
    let timeless = prop_oneof![
        4 => submit.prop_map(|tasks| Operation::Submit { queue: 0, tasks }),
        12 => (slot(), 1..=6_usize).prop_map(|(slot, max)| Operation::Claim { slot, max }),
        10 => (index(), end).prop_map(|(claim, end)| Operation::Finish { claim, end }),
        1 => index().prop_map(|task| Operation::Cancel { task, reason: CancelReason::Asked }),
        1 => slot().prop_map(|slot| Operation::LoseLease { slot }),
        3 => slot().prop_map(|slot| Operation::Renew { slot }),
        1 => (slot(), running).prop_map(|(slot, running)| Operation::ReportCrash { slot, running }),
        3 => slot().prop_map(|slot| Operation::Replace { slot }),
        1 => Just(Operation::Look),
    ];
    with_elapse(times, timeless, 4)
}

fn operation(times: Times) -> BoxedStrategy<Operation> {
    let slot = || 0..QueueModel::SLOTS.len();
    // Mostly the first queue, so that its tasks meet.
    let queue = || prop_oneof![3 => Just(0_usize), 1 => Just(1)];
    let reason = prop_oneof![Just(CancelReason::Asked), Just(CancelReason::Withdrawn)];
    let timeless = prop_oneof![
        16 => (queue(), batch(times)).prop_map(|(queue, tasks)| Operation::Submit { queue, tasks }),
        1 => index().prop_map(|task| Operation::SubmitAgain { task }),
        14 => (slot(), 1..=6_usize).prop_map(|(slot, max)| Operation::Claim { slot, max }),
        12 => (index(), end(times)).prop_map(|(claim, end)| Operation::Finish { claim, end }),
        6 => (index(), reason).prop_map(|(task, reason)| Operation::Cancel { task, reason }),
        2 => (queue(), any::<bool>()).prop_map(|(queue, paused)| Operation::SetPaused { queue, paused }),
        3 => slot().prop_map(|slot| Operation::LoseLease { slot }),
        4 => slot().prop_map(|slot| Operation::Renew { slot }),
        2 => (slot(), any::<u8>()).prop_map(|(slot, running)| Operation::ReportCrash { slot, running }),
        2 => slot().prop_map(|slot| Operation::Replace { slot }),
        6 => Just(Operation::Look),
    ];
    with_elapse(times, timeless, 1)
}

/// Where time passes, it does so in `weight` of `weight` + 10 operations.
fn with_elapse(
    times: Times,
    timeless: impl Strategy<Value = Operation> + 'static,
    weight: u32,
) -> BoxedStrategy<Operation> {
    let elapse = (1..=4_u32).prop_map(|units| Operation::Elapse(units * UNIT));
    match times {
        Times::Standing => timeless.boxed(),
        Times::Passing => prop_oneof![10 => timeless, weight => elapse].boxed(),
    }
}

/// Of a task or a claim. A small number is easier to shrink.
fn index() -> std::ops::Range<usize> {
    0..24
}

/// What is submitted together. Where time stands still, a task that expires at once comes alone: whether it takes the
/// place of the next one in its batch is not promised.
fn batch(times: Times) -> BoxedStrategy<Vec<TaskSpec>> {
    let alone = task(times, expiry(times)).prop_map(|task| vec![task]);
    let lasting = match times {
        Times::Passing => expiry(times),
        Times::Standing => Just(None).boxed(),
    };
    prop_oneof![1 => alone, 2 => proptest::collection::vec(task(times, lasting), 1..=5)].boxed()
}

fn task(times: Times, expiry: BoxedStrategy<Option<Duration>>) -> impl Strategy<Value = TaskSpec> {
    let request = prop_oneof![3 => Just(None), 1 => (0..3_u8).prop_map(Some)];
    let delay = prop_oneof![4 => Just(Duration::ZERO), 1 => later(times)];
    (proptest::sample::select(&Priority::ALL), delay, expiry, request, 0..2_u8).prop_map(
        |(priority, delay, expires_in, request, script)| TaskSpec {
            priority,
            delay,
            expires_in,
            request,
            script,
        },
    )
}

fn expiry(times: Times) -> BoxedStrategy<Option<Duration>> {
    let soon = match times {
        Times::Passing => (1..=6_u32).prop_map(|units| units * UNIT).boxed(),
        Times::Standing => Just(Duration::ZERO).boxed(),
    };
    prop_oneof![3 => Just(None), 1 => soon.prop_map(Some), 1 => Just(Some(NEVER))].boxed()
}

fn later(times: Times) -> BoxedStrategy<Duration> {
    match times {
        Times::Passing => (1..=6_u32).prop_map(|units| units * UNIT).boxed(),
        Times::Standing => Just(NEVER).boxed(),
    }
}

fn end(times: Times) -> impl Strategy<Value = End> {
    prop_oneof![
        3 => Just(End::Complete),
        1 => Just(End::Fail),
        1 => Just(End::Cancel),
        1 => Just(End::RetryIn(Duration::ZERO)),
        1 => later(times).prop_map(End::RetryIn),
        2 => Just(End::Release),
        2 => Just(End::Requeue),
        2 => Just(End::Abandon),
    ]
}
