use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rhai_dispatcher_gateway::GatewayConfig;
use rhai_dispatcher_gateway_client::{Call, ClientError, GatewayClientBuilder, TaskStatus};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::{PATIENCE, Site, config};

#[tokio::test(flavor = "multi_thread")]
async fn restart_ends_calls_that_were_sent_and_no_others() {
    let mut site = Site::new().await;
    let client = site.client().await;
    let gate = Call::new("test.gate").with_params(&[1]).expect("JSON");
    let submitted = client.call_submit(&gate).await.expect("a task");
    let spawn = |work: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.call::<_, i64>(work, &[7]).await })
    };
    let lost = spawn("test.gate");
    let waited = tokio::spawn({
        let client = client.clone();
        async move { client.task_wait(submitted.task_id, PATIENCE).await }
    });
    site.running(2).await;
    site.stop_gateway().await;
    let error = lost.await.expect("no panic").expect_err("its connection has ended");
    assert!(matches!(error, ClientError::ConnectionLost { .. }), "{error:?}");
    assert!(error.may_have_run() && error.is_retryable());

    // Its task is cancelled, and takes no permit any more.
    site.running(1).await;

    // The gateway is away: it waits for the next one.
    let later = spawn("test.gate");
    site.start_gateway(Box::new(|builder| builder)).await;
    site.gate.add_permits(2);
    assert_eq!(later.await.expect("no panic"), Ok(7));
    let details = waited.await.expect("no panic").expect("the wait goes to the next gateway too");
    assert_eq!(details.status, TaskStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_cuts_lose_no_wait() {
    let site = Site::new().await;
    let client = site.client().await;
    for number in 0..20 {
        let gate = Call::new("test.gate").with_params(&[1]).expect("JSON").with_kept_task();
        // A submit that meets the cut may have been carried out, so that it is repeated with its id.
        let gate = gate.with_request_id(format!("cut {number}"));
        let submitted = loop {
            match client.call_submit(&gate).await {
                Ok(submitted) => break submitted,
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        };
        let waited = client.task_wait(submitted.task_id, PATIENCE);
        let cut = async {
            site.network.cut();
            site.gate.add_permits(1);
        };
        let (waited, ()) = futures::join!(waited, cut);
        assert_eq!(waited.expect("it ends").status, TaskStatus::Completed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_meet_the_end_of_an_idle_connection_are_answered() {
    let idle = Duration::from_millis(20);
    let site =
        Site::with(GatewayConfig::default().with_idle_timeout(idle), Box::new(|builder| builder)).await;
    let client = site.client().await;
    for number in 0..100 {
        // Some come before the end, some after it, and some while it is underway.
        tokio::time::sleep(idle - Duration::from_millis(2) + Duration::from_micros(number % 40 * 100)).await;
        let sum = client.call::<_, u64>("test.add", &(number, 1)).await;
        assert_eq!(sum, Ok(number + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn call_is_sent_again_only_if_the_gateway_says_that_it_was_not_begun() {
    for (code, reason, is_begun) in [
        (1000, "idle", false),
        (1001, "the gateway shuts down", false),
        // A proxy says this of itself.
        (1001, "", true),
        (1008, "the token or the session has ended", true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = tokio::spawn(async move {
            for is_first in [true, false] {
                let (stream, _) = listener.accept().await.expect("a connection");
                let mut socket =
                    tokio_tungstenite::accept_hdr_async(stream, take_protocol).await.expect("a WebSocket");
                let call = socket.next().await.expect("a call").expect("no error");
                if is_first {
                    let close = CloseFrame { code: code.into(), reason: reason.into() };
                    socket.send(Message::Close(Some(close))).await.expect("it is sent");
                } else {
                    let call: Value = serde_json::from_str(call.to_text().expect("a text")).expect("JSON");
                    let answer = json!({ "jsonrpc": "2.0", "result": 7, "id": call["id"] }).to_string();
                    socket.send(Message::text(answer)).await.expect("it is sent");
                }
                while let Some(Ok(_)) = socket.next().await {}
            }
        });
        let client = GatewayClientBuilder::new(format!("ws://{address}")).config(config());
        let answer = client.build().expect("a client").call::<_, u64>("test.add", &(3, 4)).await;
        match answer {
            Ok(sum) => assert!(sum == 7 && !is_begun, "{code} {reason}"),
            Err(error) => assert!(error.may_have_run() && is_begun, "{code} {reason}: {error:?}"),
        }
        served.abort();
    }
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the library calls it so")]
fn take_protocol(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("sec-websocket-protocol", "rhaid.jsonrpc".parse().expect("a value"));
    Ok(response)
}
