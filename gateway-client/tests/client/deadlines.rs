use std::time::Duration;

use rhai_dispatcher_gateway_client::{ClientError, GatewayClientBuilder, Play, TaskStatus};
use rhai_dispatcher_test_redis::Direction;
use serde_json::Value;

use crate::support::{PATIENCE, Site, config};

#[tokio::test(flavor = "multi_thread")]
async fn timeout_of_a_call_cancels_its_task() {
    let site = Site::new().await;
    let client = site.client().await;
    let play = Play::new("while true { sleep(0.01) }").with_timeout(Duration::from_millis(100));
    let error = client.play::<Value>(&play).await.expect_err("it does not end");
    let ClientError::TimedOut { task_id: Some(id), may_have_run: true } = error else { panic!("{error:?}") };
    assert_eq!(client.task_wait(id, PATIENCE).await.expect("it ends").status, TaskStatus::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_gateway_does_not_keep_a_call_waiting() {
    let site = Site::new().await;
    let config = config().with_answer_timeout(Duration::from_millis(200));
    let client = site.builder("ws").config(config).connect().await.expect("a client");
    site.network.black_hole(Direction::ToClient);
    let error = client.call::<_, i64>("test.add", &(1, 2)).await.expect_err("nothing comes");
    assert_eq!(error, ClientError::TimedOut { task_id: None, may_have_run: true });
    let error = client.handlers().await.expect_err("nothing comes");
    assert_eq!(error, ClientError::TimedOut { task_id: None, may_have_run: false });
    site.network.heal();
}

#[tokio::test(flavor = "multi_thread")]
async fn call_without_a_connection_was_not_sent() {
    for scheme in ["ws", "http"] {
        let config = config().with_connect_timeout(Duration::from_millis(100));
        // No program listens on this port.
        let client = GatewayClientBuilder::new(format!("{scheme}://127.0.0.1:1")).config(config);
        let client = client.build().expect("a client");
        let error = client.call::<_, i64>("test.add", &(1, 2)).await.expect_err("no gateway");
        assert!(matches!(error, ClientError::NotConnected { .. }), "{error:?}");
        assert!(
            !error.may_have_run() && error.is_retryable() && error.to_string().contains("refused"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_connection_is_given_up_after_a_ping() {
    let site = Site::new().await;
    let config = config().with_ping_interval(Duration::from_millis(50));
    let client = site.builder("ws").config(config).connect().await.expect("a client");
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.call::<_, i64>("test.gate", &[1]).await }
    });
    site.running(1).await;
    site.network.half_open();
    let error = call.await.expect("no panic").expect_err("the connection is dead");
    assert!(matches!(&error, ClientError::ConnectionLost { reason } if reason.contains("ping")), "{error:?}");
    assert!(error.may_have_run());
    assert_eq!(client.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));
}
