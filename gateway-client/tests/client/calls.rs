use std::time::Duration;

use futures::future::{join_all, select};
use rhai_dispatcher_gateway::GatewayConfig;
use rhai_dispatcher_gateway_client::{
    Batch, Call, Cancelled, ClientError, Play, RefusalCode, TaskErrorKind, TaskStatus,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Site, config, until};

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered_when_they_are_ready() {
    let site = Site::new().await;
    let client = site.client().await;
    let slow = client.call::<_, i64>("test.gate", &[1]);
    let fast = async {
        site.running(1).await;
        client.call::<_, i64>("test.add", &(40, 2)).await
    };
    let (slow, fast) = match select(Box::pin(slow), Box::pin(fast)).await {
        futures::future::Either::Left((slow, _)) => panic!("{slow:?} before its gate was opened"),
        futures::future::Either::Right((fast, slow)) => {
            site.gate.add_permits(1);
            (slow.await, fast)
        }
    };
    assert_eq!((slow, fast), (Ok(1), Ok(42)));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_share_the_room_of_one_connection() {
    let site =
        Site::with(GatewayConfig::default().with_max_calls_per_connection(16), Box::new(|builder| builder))
            .await;
    let client = site.builder("ws").config(config().with_max_calls(16)).build().expect("a client");
    let calls = (0..500).map(|number| {
        let client = client.clone();
        async move { client.call::<_, i64>("test.add", &json!({ "a": number, "b": 1 })).await }
    });
    let results = join_all(calls).await;
    assert_eq!(results, (1..=500).map(Ok).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_run_with_arguments_and_settings() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Greeting {
        text: String,
        letters: usize,
    }
    let site = Site::new().await;
    let client = site.client().await;
    let script = "#{ text: `Hello, ${args.name}!`, letters: args.name.len() }";
    let play = Play::new(script).with_args(&json!({ "name": "Zoë" })).expect("JSON");
    let play =
        play.with_timeout(PATIENCE).with_retries(1).with_context_id("c").with_script_name("hello.rhai");
    let greeting: Greeting = client.play(&play).await.expect("a greeting");
    assert_eq!(greeting, Greeting { text: "Hello, Zoë!".to_owned(), letters: 3 });

    let play = play.with_request_id("once").with_worker_id("main");
    let first = client.play_submit(&play).await.expect("a task");
    assert_eq!(first.worker_id.as_str(), "main");
    assert_eq!(client.play_submit(&play).await.expect("the same"), first);
    let details = client.task_wait(first.task_id, PATIENCE).await.expect("it ends");
    assert_eq!((details.status, details.script_name.as_deref()), (TaskStatus::Completed, Some("hello.rhai")));
    assert_eq!(client.task_status(first.task_id).await.expect("its record"), details);
    assert_eq!(client.task_cancel(first.task_id).await, Ok(Cancelled::AlreadyFinished));

    let error =
        client.play::<Value>(&Play::new("let x = 1;\nthrow #{ code: 7 };")).await.expect_err("it throws");
    let ClientError::Refused(refusal) = &error else { panic!("{error:?}") };
    assert_eq!(refusal.code(), RefusalCode::TaskFailed);
    assert_eq!(refusal.task_error_kind(), Some(TaskErrorKind::Runtime));
    assert_eq!((&refusal.data()["line"], &refusal.data()["value"]), (&json!(2), &json!({ "code": 7 })));
    assert!(error.may_have_run() && !error.is_retryable(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_are_called_submitted_and_cancelled() {
    let site = Site::new().await;
    let client = site.client().await;
    let call = Call::new("test.add").with_params(&(1, 2)).expect("JSON").with_worker_id("main");
    assert_eq!(client.call_with::<i64>(&call).await, Ok(3));
    assert_eq!(client.call::<_, i64>("test.none", &()).await.map_err(code), Err(RefusalCode::MethodNotFound));
    assert_eq!(client.call::<_, i64>("test.fail", &()).await.map_err(code), Err(RefusalCode::TaskFailed));
    let error = client.call::<_, String>("test.add", &(1, 2)).await.expect_err("a number");
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");

    let gate = Call::new("test.gate").with_params(&[1]).expect("JSON");
    let submitted = client.call_submit(&gate).await.expect("a task");
    site.running(1).await;
    assert_eq!(client.task_cancel(submitted.task_id).await, Ok(Cancelled::Requested));
    let details = client.task_wait(submitted.task_id, PATIENCE).await.expect("it ends");
    assert_eq!(details.status, TaskStatus::Cancelled);

    let handlers = client.handlers().await.expect("handlers");
    assert_eq!(handlers[0].methods.len(), 3, "{handlers:?}");
    until("the cancelled task is in the activity", || async {
        let filter = format!("task:{}", submitted.task_id);
        let page = client.activity(&filter, 10, None).await.expect("a page");
        page.entries.iter().any(|entry| entry.status == TaskStatus::Cancelled)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_has_an_answer_for_each_call() {
    let config_of_gateway = GatewayConfig::default().with_max_batch(3);
    let site = Site::with(config_of_gateway, Box::new(|builder| builder)).await;
    for scheme in ["ws", "http"] {
        let client = site.builder(scheme).connect().await.expect("a client");
        let mut batch = Batch::new();
        let sum = batch.call::<_, i64>("test.add", &(1, 2)).expect("JSON");
        batch.notify("test.add", &(0, 0)).expect("JSON");
        let failed = batch.call::<_, i64>("test.fail", &()).expect("JSON");
        let mut answers = client.send(batch).await.expect("answers");
        assert_eq!(answers.take(failed).map_err(code), Err(RefusalCode::TaskFailed));
        assert_eq!(answers.take(sum), Ok(3));

        let mut quiet = Batch::new();
        quiet.notify("test.add", &(0, 0)).expect("JSON");
        client.send(quiet).await.expect("no answers");
        client.send(Batch::new()).await.expect("nothing");

        let mut long = Batch::new();
        for number in 0..4 {
            let _ = long.call::<_, i64>("test.add", &(number, 1)).expect("JSON");
        }
        let error = client.send(long).await.expect_err("it is too long");
        assert!(!error.may_have_run(), "{error}");
        let ClientError::Refused(refusal) = error else { panic!("{error:?}") };
        assert_eq!(refusal.limit(), Some("max_batch"));
        assert_eq!(client.call::<_, i64>("test.add", &(2, 2)).await, Ok(4));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_is_carried_out_without_an_answer() {
    let site = Site::new().await;
    for scheme in ["ws", "http"] {
        let client = site.builder(scheme).connect().await.expect("a client");
        client.notify("test.gate", &[1]).await.expect("it is sent");
        site.running(1).await;
        site.gate.add_permits(1);
        site.running(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn call_that_is_dropped_makes_room() {
    let site = Site::new().await;
    let client = site.builder("ws").config(config().with_max_calls(1)).build().expect("a client");
    let dropped = client.call::<_, i64>("test.gate", &[1]);
    let waited = tokio::time::timeout(Duration::from_millis(20), dropped).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(client.call::<_, i64>("test.add", &(1, 1)).await, Ok(2));
}

pub(crate) fn code(error: ClientError) -> RefusalCode {
    match error {
        ClientError::Refused(refusal) => refusal.code(),
        other => panic!("{other:?}"),
    }
}
