//! `Transport::events` and `Consumer::publish`

use futures::StreamExt;
use rhai_dispatcher_core::{
    Claim, Completion, Consumer, Finish, Finished, LogLevel, LogLine, OutcomeError, RunEvent, TaskEvent,
    TaskEvents, TaskId, TaskLog,
};

use crate::Environment;
use crate::instance::{Instance, completed, completion};
use crate::stage::Stage;
use crate::waiting::Waiting;

pub(crate) async fn events_follow_a_run(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut events = stage.transport.events(id);
    let mut started = Waiting::new(next(&mut events));
    stage.park(&mut started).await;
    let claim = consumer.claim_one().await.claim;
    assert_eq!(started.await, TaskEvent::Started { delivery: 1 });

    let mut first = Waiting::new(next(&mut events));
    stage.park(&mut first).await;
    consumer.publish(&claim, line(0));
    assert_eq!(first.await, told(1, 0));

    let mut second = Waiting::new(next(&mut events));
    stage.park(&mut second).await;
    consumer.publish(&claim, RunEvent::Progress { number: 0, fraction: 0.25, text: "a quarter".into() });
    let progress = TaskEvent::Progress { delivery: 1, fraction: 0.25, text: "a quarter".into() };
    assert_eq!(second.await, progress);

    let mut end = Waiting::new(next(&mut events));
    stage.park(&mut end).await;
    end_with_lines(&*consumer, claim, 1).await;
    assert_eq!(end.await, TaskEvent::Ended(Box::new(stage.details(id).await)));
    assert!(events.next().await.is_none(), "the end is the last event");
}

pub(crate) async fn events_reach_every_subscriber(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let other = stage.other_handle().await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let transport = &stage.transport;
    let mut all = [transport.events(id), transport.events(id), other.events(id), other.events(id)];
    let claim = consumer.claim_one().await.claim;
    consumer.publish(&claim, line(0));
    for events in &mut all {
        assert_eq!(next(events).await, TaskEvent::Started { delivery: 1 });
        assert_eq!(next(events).await, told(1, 0));
    }
    end_with_lines(&*consumer, claim, 1).await;
    for events in &mut all {
        assert_eq!(next(events).await, TaskEvent::Ended(Box::new(stage.details(id).await)));
    }
}

pub(crate) async fn late_subscriber_gets_earlier_events(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let other = stage.other_handle().await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut first = stage.transport.events(id);
    let claim = consumer.claim_one().await.claim;
    consumer.publish(&claim, line(0));
    consumer.publish(&claim, line(1));
    until_line(&mut first, 1).await;

    let mut late = other.events(id);
    for event in [TaskEvent::Started { delivery: 1 }, told(1, 0), told(1, 1)] {
        assert_eq!(next(&mut late).await, event);
    }
    end_with_lines(&*consumer, claim, 2).await;
    assert!(matches!(next(&mut late).await, TaskEvent::Ended(_)));

    let mut after = other.events(id);
    for event in [TaskEvent::Started { delivery: 1 }, told(1, 0), told(1, 1)] {
        assert_eq!(next(&mut after).await, event);
    }
    assert!(matches!(next(&mut after).await, TaskEvent::Ended(_)));
}

pub(crate) async fn outcome_completes_the_lines(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut events = stage.transport.events(id);
    let claim = consumer.claim_one().await.claim;
    consumer.publish(&claim, line(0));
    until_line(&mut events, 0).await;
    end_with_lines(&*consumer, claim, 3).await;
    assert_eq!(next(&mut events).await, told(1, 1));
    assert_eq!(next(&mut events).await, told(1, 2));
    assert!(matches!(next(&mut events).await, TaskEvent::Ended(_)));
}

pub(crate) async fn events_of_the_next_delivery_follow(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut events = stage.transport.events(id);
    for delivery in 1..=3 {
        let claim = consumer.claim_one().await.claim;
        consumer.publish(&claim, line(0));
        assert_eq!(next(&mut events).await, TaskEvent::Started { delivery });
        assert_eq!(next(&mut events).await, told(delivery, 0));
        assert_eq!(consumer.end(claim, Finish::Requeue).await, Finished::Written);
    }
}

pub(crate) async fn events_of_a_lost_claim_are_dropped(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (slow, fast) = (stage.attach().await, stage.attach().await);
    let id = stage.submit_any().await;
    let mut events = stage.transport.events(id);
    let lost = slow.claim_one().await.claim;
    assert_eq!(slow.end(lost, Finish::Requeue).await, Finished::Written);
    let claim = fast.claim_one().await.claim;
    slow.publish(&lost, line(0));
    fast.publish(&claim, line(0));
    slow.publish(&lost, line(1));
    assert_eq!(until_line(&mut events, 0).await, told(2, 0));
    fast.publish(&claim, line(1));
    assert_eq!(next(&mut events).await, told(2, 1));
    slow.publish(&lost, line(2));
    end_with_lines(&*fast, claim, 2).await;
    assert!(matches!(next(&mut events).await, TaskEvent::Ended(_)));
}

pub(crate) async fn slow_subscriber_loses_the_oldest_lines(env: &dyn Environment) {
    const KEPT: u32 = 10;
    const LINES: u32 = 30;
    let stage = Stage::with(env, |config| config.with_max_events(KEPT as usize)).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut slow = stage.transport.events(id);
    let mut fast = stage.transport.events(id);
    let claim = consumer.claim_one().await.claim;
    for number in 0..LINES {
        consumer.publish(&claim, line(number));
    }
    until_line(&mut fast, LINES - 1).await;
    assert_eq!(next(&mut slow).await, TaskEvent::Started { delivery: 1 });
    assert_eq!(next(&mut slow).await, TaskEvent::Lost { delivery: 1, lines: LINES - KEPT });
    for number in LINES - KEPT..LINES {
        assert_eq!(next(&mut slow).await, told(1, number));
    }
}

pub(crate) async fn latest_progress_outlives_older_lines(env: &dyn Environment) {
    const KEPT: u32 = 10;
    let stage = Stage::with(env, |config| config.with_max_events(KEPT as usize)).await;
    let other = stage.other_handle().await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut first = stage.transport.events(id);
    let claim = consumer.claim_one().await.claim;
    let progress = |number| RunEvent::Progress { number, fraction: 0.5, text: format!("step {number}") };
    consumer.publish(&claim, progress(0));
    consumer.publish(&claim, progress(1));
    let mut seen = until(&mut first, |event| is_step(event, 1)).await;
    let mut number = 0;
    // In parts, so that a store gets some of them after others.
    for lines in [KEPT / 2, KEPT, 3 * KEPT] {
        for _ in 0..lines {
            consumer.publish(&claim, line(number));
            number += 1;
        }
        seen.extend(until(&mut first, |event| *event == told(1, number - 1)).await);
    }
    let steps = seen.iter().filter(|event| is_step(event, 1)).count();
    assert_eq!(steps, 1, "it is told once: {seen:?}");

    let mut late = other.events(id);
    let (mut has_step, mut has_line) = (false, false);
    while !(has_step && has_line) {
        let event = next(&mut late).await;
        assert!(!is_step(&event, 0), "it is not the latest");
        assert!(!(has_step && is_step(&event, 1)), "it is told once");
        has_step |= is_step(&event, 1);
        has_line |= event == told(1, number - 1);
    }
    end_with_lines(&*consumer, claim, number).await;
    assert!(matches!(next(&mut late).await, TaskEvent::Ended(_)));
    assert!(matches!(next(&mut first).await, TaskEvent::Ended(_)));
}

/// Whether it is the progress of that number.
fn is_step(event: &TaskEvent, number: u32) -> bool {
    matches!(event, TaskEvent::Progress { text, .. } if *text == format!("step {number}"))
}

/// The events up to the first that is wanted.
async fn until(events: &mut TaskEvents, is_wanted: impl Fn(&TaskEvent) -> bool) -> Vec<TaskEvent> {
    let mut seen = Vec::new();
    loop {
        let event = next(events).await;
        assert!(!matches!(event, TaskEvent::Ended(_)), "the task has ended: {seen:?}");
        seen.push(event);
        if seen.last().is_some_and(&is_wanted) {
            return seen;
        }
    }
}

pub(crate) async fn events_of_an_unknown_task_are_not_found(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let unknown = TaskId::new();
    let mut events = stage.transport.events(unknown);
    assert!(matches!(events.next().await, Some(Err(OutcomeError::NotFound(id))) if id == unknown));
    assert!(events.next().await.is_none(), "the error is the last item");
}

async fn next(events: &mut TaskEvents) -> TaskEvent {
    events.next().await.expect("the task has not ended").expect("an event")
}

/// The event of the line of that number, once it is there.
async fn until_line(events: &mut TaskEvents, number: u32) -> TaskEvent {
    loop {
        match next(events).await {
            TaskEvent::Line { delivery, level, text } if text == self::text(number) => {
                return TaskEvent::Line { delivery, level, text };
            }
            TaskEvent::Ended(details) => panic!("the task has ended before the line: {details:?}"),
            _ => {}
        }
    }
}

fn text(number: u32) -> String {
    format!("line {number}")
}

/// What is published for a line.
fn line(number: u32) -> RunEvent {
    RunEvent::Line { number, line: LogLine { level: LogLevel::Print, text: text(number) } }
}

/// What a subscriber gets of it.
fn told(delivery: u32, number: u32) -> TaskEvent {
    TaskEvent::Line { delivery, level: LogLevel::Print, text: text(number) }
}

/// Completes a task whose log has so many lines.
async fn end_with_lines(consumer: &dyn Consumer, claim: Claim, lines: u32) {
    let mut log = TaskLog::new();
    for number in 0..lines {
        log.push(LogLevel::Print, text(number), TaskLog::MAX_BYTES);
    }
    let done = Completion { log, ..completion(claim, completed("42")) };
    let answers = consumer.finish(&[done]).await;
    assert!(matches!(answers[..], [Ok(Finished::Written)]), "{answers:?}");
}
