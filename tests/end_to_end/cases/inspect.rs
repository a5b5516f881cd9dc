//! Where a running task is.

use std::time::Duration;

use rhai_dispatcher::task::{RunActivity, RunState};
use rhai_dispatcher::{EngineConfig, RhaiDispatcher, RhaiDispatcherError, TaskId, TaskStatus};

use crate::fixture::{Fixture, processing};

pub(super) async fn waiting_script_says_which_call_it_waits_in(fixture: Fixture) {
    let engine = EngineConfig::new().with_async_fn("never", std::future::pending::<()>);
    let (client, _worker) = (fixture.client(), fixture.worker_with("worker-1", engine).await);
    for (script, call, target, line) in [
        ("let a = 1;\nsleep(600)", "sleep", None, 2),
        ("let a = 1;\n\n  never()", "never", None, 3),
        ("let r = never_async();\nawait_result(r)", "await_result", Some("request 1 (`never`)"), 2),
        ("await_all([never_async(), never_async()])", "await_all", Some("2 requests"), 1),
        ("fn f() { sleep(600) }\nlog(`info`, `x`);\nf()", "sleep", None, 1),
    ] {
        let id = client.new_play_request().worker_id("worker-1").script(script).submit().await.unwrap();
        let state = until(&client, id, |state| matches!(state.activity, RunActivity::Waiting { .. })).await;
        let waits = RunActivity::Waiting { call: Some(call.into()), target: target.map(str::to_owned) };
        assert_eq!(state.activity, waits, "{script}");
        let place = state.place.clone().expect("a place");
        assert_eq!((place.line, place.module), (line, None), "{script}");
        assert!(state.operations.is_some() && state.activity_for <= state.running_for, "{state:?}");
        assert_eq!((state.task_id, state.delivery), (id, 1));
        client.cancel(id).await.unwrap();
    }
}

pub(super) async fn script_that_computes_without_end_answers(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = "sleep(0.001);\nlog(`info`, `begun`);\nloop {}";
    let id = client.new_play_request().worker_id("worker-1").script(script).submit().await.unwrap();
    let computes = |state: &RunState| matches!(state.activity, RunActivity::Computing | RunActivity::Queued);
    let first = until(&client, id, |state| computes(state) && state.operations > Some(10_000)).await;
    assert_eq!(first.place.expect("a place").line, 2, "its last call");
    until(&client, id, |state| computes(state) && state.operations > first.operations).await;
    client.cancel(id).await.unwrap();
}

pub(super) async fn task_that_does_not_run_has_its_status(fixture: Fixture) {
    let client = fixture.client();
    let unknown = TaskId::new();
    let answer = client.inspect(unknown).await;
    assert!(matches!(answer, Err(RhaiDispatcherError::NotFound(id)) if id == unknown), "{answer:?}");
    let id = client.new_play_request().worker_id("worker-1").script("1").submit().await.unwrap();
    assert_eq!(refused(&client, id).await, TaskStatus::Pending);
    let _worker = fixture.worker("worker-1").await;
    client.wait(id, super::LONG).await.unwrap();
    assert_eq!(refused(&client, id).await, TaskStatus::Completed);
}

pub(super) async fn worker_that_does_not_answer_is_an_error(fixture: Fixture) {
    let (client, worker) = (fixture.impatient_client(), fixture.silent_instance("worker-1").await);
    let id = client.new_play_request().worker_id("worker-1").script("1").submit().await.unwrap();
    worker.claim(1.try_into().unwrap()).await.unwrap();
    processing(&client, id).await;
    let answer = client.inspect(id).await;
    let Err(error @ RhaiDispatcherError::NoAnswer { .. }) = answer else { panic!("{answer:?}") };
    assert!(error.is_retryable());
    assert!(error.to_string().contains("inspect_timeout"), "{error}");
}

/// The first state that is wanted.
async fn until(client: &RhaiDispatcher, id: TaskId, is_wanted: impl Fn(&RunState) -> bool) -> RunState {
    processing(client, id).await;
    loop {
        let state = client.inspect(id).await.expect("an answer");
        if is_wanted(&state) {
            return state;
        }
        let clock = client.transport().clock();
        clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
    }
}

async fn refused(client: &RhaiDispatcher, id: TaskId) -> TaskStatus {
    match client.inspect(id).await {
        Err(RhaiDispatcherError::NotRunning { task_id, status }) if task_id == id => status,
        other => panic!("not refused: {other:?}"),
    }
}
