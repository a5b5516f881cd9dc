//! What a script tells while it runs.

use futures::{Stream, StreamExt, TryStreamExt};
use rhai_dispatcher::task::{LogLevel, TaskEvent};
use rhai_dispatcher::{RhaiDispatcherError, TaskId, TaskStatus};

use super::LONG;
use crate::fixture::Fixture;

pub(super) async fn lines_and_progress_are_seen_while_the_script_runs(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    // It ends only once a worker for `gate` has answered.
    let script = r#"print("begun"); log("warn", "cold"); progress(0.5, "half"); dispatch("gate", "1")"#;
    let id = client.new_play_request().worker_id("worker-1").script(script).submit().await.unwrap();
    let mut events = fixture.client().events(id);
    let line = |level, text: &str| TaskEvent::Line { delivery: 1, level, text: text.into() };
    assert_eq!(next(&mut events).await, TaskEvent::Started { delivery: 1 });
    assert_eq!(next(&mut events).await, line(LogLevel::Print, "begun"));
    assert_eq!(next(&mut events).await, line(LogLevel::Warn, "cold"));
    let progress = TaskEvent::Progress { delivery: 1, fraction: 0.5, text: "half".into() };
    assert_eq!(next(&mut events).await, progress);

    let _gate = fixture.worker("gate").await;
    let TaskEvent::Ended(details) = next(&mut events).await else { panic!("it is the last event") };
    assert_eq!((details.status, details.log.lines().len()), (TaskStatus::Completed, 2));
    assert!(events.next().await.is_none());
}

pub(super) async fn lines_of_a_loop_come_in_order_and_are_all_counted(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = "for i in 0..100_000 { print(i); }";
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let details = request.await_response().await.unwrap();
    let (mut lines, mut lost) = (0, 0);
    let mut events = client.events(details.task_id);
    while let Some(event) = events.try_next().await.unwrap() {
        match event {
            TaskEvent::Line { text, .. } => {
                assert_eq!(text, (lines + lost).to_string(), "in their order");
                lines += 1;
            }
            TaskEvent::Lost { lines, .. } => lost += lines,
            _ => {}
        }
    }
    assert_eq!((lines + lost) as usize, details.log.lines().len());
    assert!(details.log.is_truncated());
}

/// A lane runs both: the one that tells without end has a slice at a time, and what it tells is joined before it is sent.
pub(super) async fn endless_progress_delays_no_other(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = |script: &str| client.new_play_request().worker_id("worker-1").script(script);
    let endless = "let n = 0; loop { n += 1; progress(0.5, `step ${n}`); }";
    // One for each lane.
    let endless = [request(endless).submit().await.unwrap(), request(endless).submit().await.unwrap()];
    let mut events = client.events(endless[0]);
    while !matches!(next(&mut events).await, TaskEvent::Progress { .. }) {}
    for _ in 0..10 {
        let answer = request("for i in 0..10 { sleep(0.001); } 42").timeout(LONG).await_response().await;
        assert_eq!(answer.unwrap().status, TaskStatus::Completed);
    }
    let mut step = 0;
    for _ in 0..5 {
        let TaskEvent::Progress { text, .. } = next(&mut events).await else {
            panic!("it tells nothing else")
        };
        let next: u64 = text.strip_prefix("step ").and_then(|text| text.parse().ok()).expect("a step");
        assert!(next > step, "{next} after {step}");
        step = next;
    }
    for id in endless {
        assert_eq!(client.status(id).await.unwrap().status, TaskStatus::Processing);
        client.cancel(id).await.unwrap();
    }
}

pub(super) async fn events_of_an_unknown_task_are_an_error(fixture: Fixture) {
    let mut events = fixture.client().events(TaskId::new());
    assert!(matches!(events.next().await, Some(Err(RhaiDispatcherError::NotFound(_)))));
    assert!(events.next().await.is_none());
}

async fn next(
    events: &mut (impl Stream<Item = Result<TaskEvent, RhaiDispatcherError>> + Unpin),
) -> TaskEvent {
    events.try_next().await.expect("no error").expect("it has not ended")
}
