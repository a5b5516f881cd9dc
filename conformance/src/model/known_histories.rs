use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Priority};

use super::operation::{End, Operation, TaskSpec};

/// Histories in which a transport has differed from the model, or that random ones seldom come to. Each can be played
/// where time stands still.
pub(super) fn known_histories() -> Vec<Vec<Operation>> {
    vec![
        cancelled_task_takes_no_turn(),
        expired_task_takes_no_turn(),
        retried_task_keeps_its_place(),
        death_before_a_retry_is_not_taken_back(),
        group_after_a_detach_is_as_large(),
        reservation_ends_with_its_task(),
    ]
}

fn cancelled_task_takes_no_turn() -> Vec<Operation> {
    let mut history = vec![submit(&[high()]), submit(&[normal(), normal()]), cancel(0), submit(&[high()])];
    history.extend([claim(0, 1), claim(0, 1)]);
    history
}

fn expired_task_takes_no_turn() -> Vec<Operation> {
    let expired = TaskSpec { expires_in: Some(Duration::ZERO), ..normal() };
    vec![submit(&[expired]), submit(&[high(), normal(), high()]), claim(0, 2)]
}

fn retried_task_keeps_its_place() -> Vec<Operation> {
    let retry = finish(0, End::RetryIn(Duration::ZERO));
    vec![submit(&[high()]), claim(0, 1), submit(&[high()]), retry, claim(0, 2)]
}

fn death_before_a_retry_is_not_taken_back() -> Vec<Operation> {
    let lose = |slot| Operation::LoseLease { slot };
    let mut history = vec![submit(&[high(), high()]), claim(0, 2), lose(0), claim(1, 2)];
    history.extend([finish(2, End::RetryIn(Duration::ZERO)), claim(1, 1), lose(1)]);
    history.extend([Operation::Renew { slot: 0 }, Operation::Look]);
    history
}

fn group_after_a_detach_is_as_large() -> Vec<Operation> {
    let mut history = quarantine(&[high(), high(), high()]);
    history.extend([claim(0, 1), finish(3, End::Complete), claim(0, 2), Operation::Replace { slot: 0 }]);
    history.push(claim(0, 2));
    history
}

/// Both slots are busy. Slot 1 is reserved for a task that is cancelled; slot 0 for the next one.
fn reservation_ends_with_its_task() -> Vec<Operation> {
    let mut history = vec![submit(&[high(), high(), high(), high(), high()]), claim(0, 3), claim(1, 1)];
    history.extend([finish(0, End::Abandon), claim(1, 1), cancel(0), finish(1, End::Abandon)]);
    history.extend([claim(0, 1), claim(1, 1)]);
    history
}

/// Leaves these tasks in quarantine.
fn quarantine(tasks: &[TaskSpec]) -> Vec<Operation> {
    let report = Operation::ReportCrash { slot: 0, running: u8::MAX };
    vec![submit(tasks), claim(0, tasks.len()), report, Operation::Replace { slot: 0 }]
}

fn high() -> TaskSpec {
    TaskSpec { priority: Priority::High, delay: Duration::ZERO, expires_in: None, request: None, script: 0 }
}

fn normal() -> TaskSpec {
    TaskSpec { priority: Priority::Normal, ..high() }
}

fn submit(tasks: &[TaskSpec]) -> Operation {
    Operation::Submit { queue: 0, tasks: tasks.to_vec() }
}

fn claim(slot: usize, max: usize) -> Operation {
    Operation::Claim { slot, max }
}

fn finish(claim: usize, end: End) -> Operation {
    Operation::Finish { claim, end }
}

fn cancel(task: usize) -> Operation {
    Operation::Cancel { task, reason: CancelReason::Asked }
}
