use std::time::Duration;

use rhai_dispatcher_core::{CancelReason, Priority};

use super::history::UNIT;
use super::operation::{End, Operation, TaskSpec};

/// Histories in which a transport has differed from the model, or that random ones seldom come to. Where time
/// stands still, none passes in them.
pub(super) fn known_histories() -> Vec<Vec<Operation>> {
    vec![
        cancelled_task_takes_no_turn(),
        expired_task_takes_no_turn(),
        retried_task_keeps_its_place(),
        death_before_a_retry_is_not_taken_back(),
        group_after_a_detach_is_as_large(),
        reservation_ends_with_its_task(),
        groups_grow_after_eight_of_one(),
        reservation_ends_with_its_instance(),
        reported_single_waits_behind(),
        single_beside_an_abandoned_task_keeps_its_place(),
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

/// The tasks have two deaths each, in company, so that they are quarantined without blame.
fn groups_grow_after_eight_of_one() -> Vec<Operation> {
    let mut history = vec![submit(&[high(); 12])];
    for _ in 0..2 {
        history.extend([claim(0, 12), Operation::LoseLease { slot: 0 }, Operation::Replace { slot: 0 }]);
    }
    for single in 0..8 {
        history.extend([claim(0, 6), finish(24 + single, End::Complete)]);
    }
    history.extend([claim(0, 6), finish(32, End::Complete), finish(33, End::Complete), claim(0, 6)]);
    history
}

fn reservation_ends_with_its_instance() -> Vec<Operation> {
    let mut history = vec![submit(&[high(); 5]), claim(0, 2)];
    history.extend([finish(0, End::Abandon), finish(1, End::Abandon), claim(1, 1), claim(0, 1)]);
    history.extend([
        Operation::LoseLease { slot: 1 },
        Operation::Renew { slot: 1 },
        claim(0, 1),
        claim(0, 1),
    ]);
    history
}

/// The report names no task.
fn reported_single_waits_behind() -> Vec<Operation> {
    let mut history = without_blame();
    history.extend([
        claim(0, 1),
        Operation::ReportCrash { slot: 0, running: 0 },
        Operation::Replace { slot: 0 },
    ]);
    history.extend([claim(0, 1), Operation::Look]);
    history
}

/// The first two groups run on one instance, which continues; then the first task is abandoned beside the second, which is
/// released. The observation has failed, but the instance lives.
fn single_beside_an_abandoned_task_keeps_its_place() -> Vec<Operation> {
    let mut history = without_blame();
    history.extend([claim(0, 1), Operation::Elapse(2 * UNIT), claim(0, 1)]);
    history.extend([finish(6, End::Abandon), finish(7, End::Release), claim(1, 1), claim(0, 1)]);
    history
}

/// Leaves three tasks in quarantine that have died twice, in company.
fn without_blame() -> Vec<Operation> {
    let lost = [claim(0, 3), Operation::LoseLease { slot: 0 }, Operation::Replace { slot: 0 }];
    [submit(&[high(); 3])].into_iter().chain(lost.clone()).chain(lost).collect()
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
