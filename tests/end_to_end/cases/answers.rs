//! What comes back of a script.

use std::sync::{Arc, Barrier};

use futures::future::join_all;
use rhai_dispatcher::task::{Cancelled, Output};
use rhai_dispatcher::{EngineConfig, RhaiDispatcher, RhaiDispatcherError, TaskErrorKind, TaskStatus};

use super::LONG;
use crate::fixture::{Fixture, processing};

pub(super) async fn script_goes_in_and_its_answer_comes_out(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#" "Hello, " + worker_id + "!" "#;
    let details = client
        .new_play_request()
        .worker_id("worker-1")
        .script(script)
        .timeout(LONG)
        .await_response()
        .await
        .unwrap();
    assert_eq!(details.status, TaskStatus::Completed);
    assert_eq!(details.delivery, 1);
    assert_eq!(details.output.as_ref().map(Output::to_string).as_deref(), Some("Hello, worker-1!"));
    assert_eq!(details.into_result::<String>().unwrap(), "Hello, worker-1!");
}

pub(super) async fn script_sees_who_asks_and_with_what(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script =
        "fn all() { [worker_id, CALLER_ID, context_id, task_id, delivery, args.name, args.list[1]] } all()";
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let request = request.context_id("context-1").arg("name", "Ada").arg("list", [1, 2]);
    let details = request.await_response().await.unwrap();
    let task_id = details.task_id.to_string();
    let seen: Vec<serde_json::Value> = details.into_result().unwrap();
    let expected = serde_json::json!(["worker-1", "caller-1", "context-1", task_id, 1, "Ada", 2]);
    assert_eq!(serde_json::Value::from(seen), expected);
}

pub(super) async fn every_caller_gets_its_own_answer(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let ask = |number: u64| {
        let request = client.new_play_request().worker_id("worker-1").script("args.n * 2").arg("n", number);
        async move { request.timeout(LONG).await_response().await.unwrap().into_result::<u64>().unwrap() }
    };
    let answers = join_all((0..300).map(ask)).await;
    assert_eq!(answers, (0..300).map(|number| number * 2).collect::<Vec<_>>());
}

pub(super) async fn waiting_scripts_delay_no_other(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let sleepers = (0..50).map(|_| client.new_play_request().worker_id("worker-1").script("sleep(3600)"));
    let sleepers = client.submit_many(sleepers.collect()).await.unwrap();
    for sleeper in &sleepers {
        processing(&client, *sleeper.as_ref().unwrap()).await;
    }
    let quick = client.new_play_request().worker_id("worker-1").script("40 + 2").timeout(LONG);
    assert_eq!(quick.await_response().await.unwrap().into_result::<u64>().unwrap(), 42);
    for sleeper in sleepers {
        assert_eq!(client.cancel(sleeper.unwrap()).await.unwrap(), Cancelled::Requested);
    }
}

/// Lets calls end in pairs: `meet()` blocks its thread until another one does.
fn meeting() -> EngineConfig {
    let meeting = Arc::new(Barrier::new(2));
    EngineConfig::new().with_setup(move |engine| {
        let meeting = Arc::clone(&meeting);
        engine.register_fn("meet", move || {
            meeting.wait();
        });
    })
}

pub(super) async fn calls_that_block_run_on_both_lanes(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker_with("worker-1", meeting()).await);
    for at_once in [true, false] {
        // A lane that began, or kept, two of them would wait for itself.
        complete_all(&client, "meet()", 6, at_once).await;
    }
}

/// Submits a script so many times, in one batch or one by one, and waits for all of them.
async fn complete_all(client: &RhaiDispatcher, script: &str, count: usize, at_once: bool) {
    let request = || client.new_play_request().worker_id("worker-1").script(script).submit();
    let mut ids = Vec::new();
    if at_once {
        ids.extend(join_all((0..count).map(|_| request())).await);
    } else {
        for _ in 0..count {
            ids.push(request().await);
        }
    }
    for id in ids {
        let details = client.wait(id.unwrap(), LONG).await.unwrap();
        assert_eq!(details.status, TaskStatus::Completed, "{:?}", details.error);
    }
}

pub(super) async fn script_error_carries_its_position(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = "let x = 1;\n  x + nothing";
    let details = client
        .new_play_request()
        .worker_id("worker-1")
        .script(script)
        .timeout(LONG)
        .await_response()
        .await
        .unwrap();
    assert_eq!(details.status, TaskStatus::Error);
    let error = details.error.unwrap();
    assert_eq!((error.kind, error.line, error.column), (TaskErrorKind::Runtime, Some(2), Some(7)), "{error}");
    assert!(error.message.contains("nothing"), "{error}");
}

pub(super) async fn script_that_does_not_parse_is_not_queued(fixture: Fixture) {
    let client = fixture.client();
    let refused = client.new_play_request().worker_id("worker-1").script("let = ").submit().await;
    let Err(RhaiDispatcherError::Script(error)) = refused else { panic!("{refused:?}") };
    assert_eq!((error.kind, error.line), (TaskErrorKind::Parse, Some(1)), "{error}");
    let waiting: usize = client.transport().queues().await.unwrap().iter().map(|queue| queue.waiting()).sum();
    assert_eq!(waiting, 0);
}

pub(super) async fn prints_are_in_the_log(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"print("one"); debug("two"); print(3);"#;
    let details = client
        .new_play_request()
        .worker_id("worker-1")
        .script(script)
        .timeout(LONG)
        .await_response()
        .await
        .unwrap();
    let lines: Vec<&str> = details.log.lines().iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0] == "one" && lines[1].contains("two") && lines[2] == "3", "{lines:?}");
}
