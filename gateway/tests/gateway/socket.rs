use std::time::Duration;

use futures::SinkExt;
use rhai_dispatcher::CancelReason;
use rhai_dispatcher_gateway::GatewayConfig;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Closing, NEVER, PATIENCE, Site, Socket};

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_as_they_are_ready_and_keep_their_ids() {
    let site = Site::new().await;
    let mut socket = site.socket().await;
    socket.request("slow", "play", json!(["sleep(60)"])).await;
    let id = site.running_task().await;
    socket.request("fast", "sum", json!([1, 2])).await;
    assert_eq!(socket.json().await, json!({ "jsonrpc": "2.0", "result": 3, "id": "fast" }));
    socket.request("cancel", "task.cancel", json!([id])).await;
    let both = [socket.json().await, socket.json().await];
    let of = |id: &str| {
        both.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("{id} in {both:?}"))
    };
    assert_eq!(of("cancel")["result"]["cancelled"], "requested");
    assert_eq!(of("slow")["error"]["code"], -32006);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_leaves_has_its_calls_cancelled_unless_it_keeps_them() {
    let site = Site::new().await;
    let mut socket = site.socket().await;
    socket.request(1, "play", json!({ "script": "sleep(60)", "script_name": "left" })).await;
    let left = site.running_task().await;
    drop(socket);
    let details = site.dispatcher.wait(left, PATIENCE).await.expect("it ends");
    assert_eq!(details.cancel_reason, Some(CancelReason::Withdrawn));

    let mut socket = site.socket().await;
    socket.request(1, "play", json!({ "script": "sleep(60)", "keep": true })).await;
    let kept = site.running_task().await;
    drop(socket);
    let mut socket = Socket::connect(site.address, "/ws?keep=true", &[]).await.expect("a WebSocket");
    socket.request(1, "play", json!({ "script": "sleep(60)" })).await;
    crate::support::until("both run", || async { site.claimed().await == 2 }).await;
    drop(socket);
    // A call that is withdrawn after both: the gateway has seen by then that their clients have left.
    let mut socket = site.socket().await;
    socket.request(1, "play", json!({ "script": "sleep(60)" })).await;
    crate::support::until("all run", || async { site.claimed().await == 3 }).await;
    drop(socket);
    crate::support::until("the last is cancelled", || async { site.claimed().await == 2 }).await;
    assert!(!site.dispatcher.status(kept).await.expect("its record").status.is_terminal());
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriber_follows_a_task_to_its_end() {
    let site = Site::new().await;
    let mut socket = site.socket().await;
    let script = "print(1); progress(0.5, `half`); print(2); 3";
    let submitted = socket.call("play.submit", json!({ "script": script, "delay": 0.05 })).await;
    let id = submitted["result"]["taskId"].clone();
    assert_eq!(socket.call("task.subscribe", json!([id])).await["result"], 1);
    let (mut lines, mut progress) = (Vec::new(), Vec::new());
    let ended = loop {
        let event = socket.json().await;
        assert_eq!((&event["method"], &event["params"]["subscription"]), (&json!("task.event"), &json!(1)));
        assert_eq!(event["params"]["taskId"], id);
        assert_eq!(event.get("id"), None);
        let event = event["params"]["event"].clone();
        match event["type"].as_str().expect("a type") {
            "line" => lines.push(event["text"].clone()),
            "progress" => progress.push(event["fraction"].clone()),
            "started" => {}
            "ended" => break event["task"].clone(),
            other => panic!("{other}"),
        }
    };
    assert_eq!((lines, progress), (vec![json!("1"), json!("2")], vec![json!(0.5)]));
    assert_eq!((&ended["status"], &ended["output"]), (&json!("completed"), &json!(3)));
    let waiting = socket.call("play.submit", json!({ "script": "1", "worker_id": "not-served" })).await;
    let id = waiting["result"]["taskId"].clone();
    assert_eq!(socket.call("task.subscribe", json!([id])).await["result"], 2);
    assert_eq!(socket.call("task.unsubscribe", json!([2])).await["result"], true);
    socket.call("task.cancel", json!([id])).await;
    assert_eq!(socket.call("sum", json!([1])).await["result"], 1, "no event of it comes before");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_subscriptions_beyond_a_limit_are_refused() {
    let config = GatewayConfig::default().with_max_calls_per_connection(2).with_max_subscriptions(1);
    let site = Site::with(config).await;
    let mut socket = site.socket().await;
    let submitted = socket.call("play.submit", json!(["sleep(60)"])).await;
    let id = submitted["result"]["taskId"].clone();
    assert_eq!(socket.call("task.subscribe", json!([id])).await["result"], 1);
    let refused = next_answer(&mut socket, "task.subscribe", json!([id])).await;
    assert_eq!(refused["error"]["data"]["limit"], "max_subscriptions", "{refused}");
    for id in 0..3 {
        socket.request(id, "play", json!(["sleep(60)"])).await;
    }
    let refused = answer(&mut socket).await;
    assert_eq!(
        (&refused["id"], &refused["error"]["data"]["limit"]),
        (&json!(2), &json!("max_calls_per_connection"))
    );
    let mut other = site.socket().await;
    assert_eq!(other.call("sum", json!([1, 2])).await["result"], 3, "other connections are not concerned");

    let site = Site::with(GatewayConfig::default().with_max_calls_per_caller(1)).await;
    let (mut one, mut other) = (site.socket().await, site.socket().await);
    one.request(1, "play", json!(["sleep(60)"])).await;
    crate::support::until("it runs", || async { site.claimed().await == 1 }).await;
    let refused = other.call("sum", json!([1, 2])).await;
    assert_eq!(refused["error"]["data"]["limit"], "max_calls_per_caller", "{refused}");
}

async fn answer(socket: &mut Socket) -> Value {
    loop {
        let message = socket.json().await;
        if message.get("id").is_some() {
            return message;
        }
    }
}

async fn next_answer(socket: &mut Socket, method: &str, params: Value) -> Value {
    socket.request(1, method, params).await;
    answer(socket).await
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_break_the_rules_close_the_connection_with_the_code() {
    let site = Site::with(GatewayConfig::default().with_max_message_bytes(1_000)).await;
    let mut socket = site.socket().await;
    socket.send("x".repeat(1_001)).await;
    assert!(
        matches!(socket.closed().await, Closing::Frame(1009, reason) if reason.contains("max_message_bytes"))
    );
    let mut socket = site.socket().await;
    // A text frame with a mask and a byte that is not UTF-8.
    let raw = socket.stream.get_mut();
    tokio::io::AsyncWriteExt::write_all(raw, &[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.expect("it is written");
    assert_eq!(socket.closed().await, Closing::Frame(1007, "the text is not UTF-8".to_owned()));
    let mut socket = site.socket().await;
    tokio::io::AsyncWriteExt::write_all(socket.stream.get_mut(), &[0x8f, 0x80, 0, 0, 0, 0])
        .await
        .expect("written");
    assert!(matches!(socket.closed().await, Closing::Frame(1002, _)));
    let mut socket = site.socket().await;
    socket.stream.send(Message::binary(vec![0xff, 0xfe])).await.expect("it is sent");
    assert_eq!(
        socket.json().await["error"]["code"],
        -32700,
        "a binary message that is not UTF-8 is only not JSON"
    );
    assert_eq!(socket.call("sum", json!([1])).await["result"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_and_idle_clients_are_closed() {
    let config = GatewayConfig::default()
        .with_ping_interval(Duration::from_millis(50))
        .with_ping_timeout(Duration::from_millis(50));
    let site = Site::with(config).await;
    // It reads nothing, so it answers no ping. A connection that has ended does not count any more.
    let silent = site.socket().await;
    let tokio_tungstenite::MaybeTlsStream::Plain(stream) = silent.stream.get_ref() else {
        panic!("it has TLS")
    };
    crate::support::until("its connection has ended", || async {
        let mut received = [0; 1024];
        // A ping and the end; they are looked at and not taken.
        let len = stream.peek(&mut received).await.unwrap_or(0);
        len == 0 || received[..len].contains(&0x88)
    })
    .await;
    let idle = GatewayConfig::default().with_idle_timeout(Duration::from_millis(50));
    let site = Site::with(idle).await;
    let mut socket = site.socket().await;
    assert_eq!(socket.closed().await, Closing::Frame(1000, "idle".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_that_never_reads_is_closed_and_others_are_answered() {
    let config = GatewayConfig::default()
        .with_write_timeout(Duration::from_millis(200))
        .with_max_queued_bytes(100_000)
        .with_max_queued_messages(10);
    let site = Site::with(config).await;
    let mut deaf = site.socket().await;
    let script = "let text = `x`; text.pad(50000, 'x'); text";
    for id in 0..1_000 {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": "play", "params": [script] });
        // The gateway stops to read it when too much waits: then this can't be written, and it is closed.
        let sent = tokio::time::timeout(PATIENCE, deaf.stream.send(Message::text(request.to_string()))).await;
        if sent.expect("it is written or closed").is_err() {
            break;
        }
    }
    let mut other = site.socket().await;
    assert_eq!(other.call("play", json!([format!("{script}.len()")])).await["result"], 50_000);
    assert_eq!(other.call("sum", json!([1, 2])).await["result"], 3);
    // What is written to a connection that is closed is an error; it may take until the gateway reads again, too.
    let closed = async {
        loop {
            let sent = deaf.stream.send(Message::text("{}"));
            if let Ok(Err(_)) = tokio::time::timeout(Duration::from_millis(20), sent).await {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("it is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_does_not_wait_for_a_reader_that_never_reads() {
    let config = GatewayConfig::default()
        .with_write_timeout(NEVER)
        .with_ping_interval(NEVER)
        .with_max_queued_bytes(100_000)
        .with_shutdown_grace(Duration::from_millis(50));
    let mut site = Site::with(config).await;
    let mut deaf = site.socket().await;
    deaf.fill().await;
    site.stop();
    site.ended().await;
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_lets_calls_end_and_refuses_others() {
    let mut site = Site::new().await;
    let mut socket = site.socket().await;
    let mut idle = site.socket().await;
    socket.request(1, "play", json!(["while true { sleep(0.01); if args.len() > 0 { break } }"])).await;
    let id = site.running_task().await;
    site.stop();
    assert_eq!(idle.closed().await, Closing::Frame(1001, "the gateway shuts down".to_owned()));
    socket.request(2, "sum", json!([1])).await;
    let refused = socket.json().await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(2), &json!(-32007)), "{refused}");
    site.dispatcher.cancel(id).await.expect("it is cancelled");
    assert_eq!(socket.json().await["error"]["code"], -32006);
    assert_eq!(socket.closed().await, Closing::Frame(1001, "the gateway shuts down".to_owned()));
    site.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_calls_that_outlast_the_grace() {
    let mut site = Site::with(GatewayConfig::default().with_shutdown_grace(Duration::from_millis(50))).await;
    let mut socket = site.socket().await;
    socket.request(1, "play", json!(["sleep(60)"])).await;
    let id = site.running_task().await;
    site.stop();
    assert_eq!(socket.closed().await, Closing::Gone);
    let details = site.dispatcher.wait(id, PATIENCE).await.expect("it ends");
    assert_eq!(details.cancel_reason, Some(CancelReason::Withdrawn));
    site.ended().await;
}
