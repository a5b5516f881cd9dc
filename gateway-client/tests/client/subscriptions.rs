use futures::{StreamExt, TryStreamExt};
use rhai_dispatcher_gateway_client::{
    Cancelled, ClientError, Play, RefusalCode, TaskEvent, TaskEvents, TaskId, TaskStatus,
};

use super::calls::code;
use crate::support::{Site, config, until};

const COUNTING: &str = "let n = 0; while true { print(n); n += 1; sleep(0.002) }";

#[tokio::test(flavor = "multi_thread")]
async fn events_continue_over_the_next_connection() {
    let mut site = Site::new().await;
    let client = site.client().await;
    let task = client.play_submit(&Play::new(COUNTING)).await.expect("a task").task_id;
    let mut events = client.subscribe(task).await.expect("events");
    assert_eq!(next(&mut events).await, TaskEvent::Started { delivery: 1 });
    let mut next_line = read_lines(&mut events, 0, 20).await;
    for _ in 0..3 {
        site.network.cut();
        next_line = read_lines(&mut events, next_line, 20).await;
    }
    site.stop_gateway().await;
    site.start_gateway(Box::new(|builder| builder)).await;
    next_line = read_lines(&mut events, next_line, 20).await;
    assert_eq!(client.task_cancel(task).await, Ok(Cancelled::Requested));
    let ended = loop {
        match next(&mut events).await {
            TaskEvent::Line { text, .. } => {
                assert_eq!(text, next_line.to_string());
                next_line += 1;
            }
            TaskEvent::Ended(details) => break details,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((ended.task_id, ended.status), (task, TaskStatus::Cancelled));
    assert!(events.next().await.is_none(), "the end is the last event");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_is_told_what_it_has_lost() {
    let site = Site::new().await;
    let config = config().with_max_queued_events(3);
    let client = site.builder("ws").config(config).connect().await.expect("a client");
    let play = Play::new("for n in 0..50 { print(n) }");
    let task = client.play_submit(&play).await.expect("a task").task_id;
    let events = client.subscribe(task).await.expect("events");
    let ended = async || {
        // The end comes behind all lines, and is in the queue with the answer to a call after it.
        let is_ended = client.task_status(task).await.expect("a record").status == TaskStatus::Completed;
        is_ended && client.call::<_, i64>("test.add", &(1, 1)).await == Ok(2)
    };
    until("the task has ended", ended).await;
    let (mut lines, mut lost, mut is_ended) = (0, 0, false);
    let all: Vec<_> = events.try_collect().await.expect("events");
    for event in all {
        match event {
            TaskEvent::Line { .. } => lines += 1,
            TaskEvent::Lost { lines, .. } => lost += lines,
            TaskEvent::Ended(_) => is_ended = true,
            _ => {}
        }
    }
    assert_eq!((lines + lost, is_ended), (50, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_subscription_ends_at_the_gateway() {
    use rhai_dispatcher_gateway::GatewayConfig;
    let gateway = GatewayConfig::default().with_max_subscriptions(1);
    let site = Site::with(gateway, Box::new(|builder| builder)).await;
    let client = site.client().await;
    let task = client.play_submit(&Play::new(COUNTING)).await.expect("a task").task_id;
    let events = client.subscribe(task).await.expect("events");
    let error = client.subscribe(task).await.expect_err("there is one");
    assert_eq!(code(error), RefusalCode::LimitExceeded);
    drop(events);
    until("there is room for another", || async { client.subscribe(task).await.is_ok() }).await;
    assert_eq!(code(client.subscribe(TaskId::new()).await.expect_err("no such task")), RefusalCode::NotFound);
    client.task_cancel(task).await.expect("it is cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_do_not_come_over_http() {
    let site = Site::new().await;
    let client = site.builder("http").build().expect("a client");
    let error = client.subscribe(TaskId::new()).await.expect_err("over HTTP");
    assert!(matches!(&error, ClientError::Invalid(invalid) if invalid.field == "url"), "{error:?}");
}

async fn next(events: &mut TaskEvents) -> TaskEvent {
    events.next().await.expect("an event").expect("no error")
}

/// Reads so many lines, which count from `first` without a gap. Returns the next.
async fn read_lines(events: &mut TaskEvents, first: usize, count: usize) -> usize {
    for number in first..first + count {
        match next(events).await {
            TaskEvent::Line { text, .. } => assert_eq!(text, number.to_string()),
            other => panic!("{other:?} in place of line {number}"),
        }
    }
    first + count
}
