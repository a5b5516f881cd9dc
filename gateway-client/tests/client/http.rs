use rhai_dispatcher_gateway_client::{Call, Cancelled, ClientError, Play, TaskStatus};
use serde_json::json;

use crate::support::{PATIENCE, Site};

#[tokio::test(flavor = "multi_thread")]
async fn http_does_what_a_socket_does_without_events() {
    let site = Site::new().await;
    let client = site.builder("http").connect().await.expect("a client");
    assert_eq!(client.call::<_, i64>("test.add", &json!({ "a": 1, "b": 2 })).await, Ok(3));
    assert_eq!(client.play::<i64>(&Play::new("40 + 2")).await, Ok(42));
    let gate = Call::new("test.gate").with_params(&[1]).expect("JSON");
    let task = client.call_submit(&gate).await.expect("a task").task_id;
    site.running(1).await;
    assert_eq!(client.task_cancel(task).await, Ok(Cancelled::Requested));
    assert_eq!(client.task_wait(task, PATIENCE).await.expect("it ends").status, TaskStatus::Cancelled);
    assert!(!client.handlers().await.expect("handlers").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_request_may_have_been_carried_out() {
    let site = Site::new().await;
    let client = site.builder("http").connect().await.expect("a client");
    let call = tokio::spawn(async move { client.call::<_, i64>("test.gate", &[1]).await });
    site.running(1).await;
    site.network.cut();
    let error = call.await.expect("no panic").expect_err("it was cut");
    assert!(matches!(error, ClientError::ConnectionLost { .. }), "{error:?}");
}
