use std::time::Duration;

use rhai_dispatcher_gateway::GatewayConfig;
use serde_json::json;

use crate::support::{Http, Site};

const SUM: &str = r#"{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":1}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_request_has_a_status_and_a_reason() {
    let site = Site::with(GatewayConfig::default().with_max_message_bytes(1_000)).await;
    let connect = || Http::connect(site.address);
    let long = format!("[{}]", " ".repeat(1_000));
    for (response, status, says) in [
        (
            connect().await.header("content-type", "text/plain").post("/rpc", SUM).await,
            415,
            "application/json",
        ),
        (connect().await.post("/rpc", &long).await, 413, "1000 bytes"),
        (connect().await.get("/nowhere").await, 404, "/rpc and /ws"),
        (connect().await.header("host", "evil.example").post("/rpc", SUM).await, 421, "evil.example"),
        (connect().await.header("origin", "http://evil.example").post("/rpc", SUM).await, 403, "origin"),
    ] {
        assert_eq!(response.status, status, "{response:?}");
        let error = response.json();
        assert!(
            error["error"]["data"]["reason"].as_str().is_some_and(|reason| reason.contains(says)),
            "{error}"
        );
        assert!(response.header("content-security-policy").is_some_and(|policy| !policy.contains("unsafe")));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(connect().await.get("/rpc").await.status, 405);
    assert_eq!(
        connect()
            .await
            .header("content-type", "application/json; charset=utf-8")
            .post("/rpc", SUM)
            .await
            .json()["result"],
        3
    );
    assert_eq!(connect().await.get("/healthz").await.body, "ok\n");
    assert_eq!(connect().await.get("/readyz").await.body, "ok\n");
    assert!(connect().await.get("/").await.body.contains("<title>Overview"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_a_limit_are_told_and_others_are_served() {
    let config = GatewayConfig::default().with_max_connections_per_address(2);
    let site = Site::with(config).await;
    let (mut one, two) = (Http::connect(site.address).await, Http::connect(site.address).await);
    assert_eq!(one.post("/rpc", SUM).await.status, 200);
    let refused = Http::connect(site.address).await.rest().await;
    assert!(
        refused.starts_with("HTTP/1.1 429") && refused.contains("max_connections_per_address"),
        "{refused}"
    );
    assert_eq!(one.post("/rpc", SUM).await.status, 200, "a connection that is open is not concerned");
    drop(two);
    crate::support::until("there is room again", || async {
        let mut stream = Http::connect(site.address).await;
        stream.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        stream.rest().await.starts_with("HTTP/1.1 200")
    })
    .await;

    let site = Site::with(GatewayConfig::default().with_max_connections(1)).await;
    let socket = site.socket().await;
    let refused = Http::connect(site.address).await.rest().await;
    assert!(refused.starts_with("HTTP/1.1 503"), "a WebSocket counts: {refused}");
    drop(socket);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_bodies_are_given_up() {
    let config = GatewayConfig::default()
        .with_header_timeout(Duration::from_millis(100))
        .with_body_timeout(Duration::from_millis(100));
    let site = Site::with(config).await;
    let mut head = Http::connect(site.address).await;
    head.send("POST /rpc HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await;
    assert!(!head.rest().await.starts_with("HTTP/1.1 200"));
    let mut silent = Http::connect(site.address).await;
    assert_eq!(silent.rest().await, "");
    let mut body = Http::connect(site.address).await;
    body.send("POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{").await;
    assert!(body.rest().await.starts_with("HTTP/1.1 408"));
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_leaves_has_its_call_cancelled() {
    let site = Site::new().await;
    let mut client = Http::connect(site.address).await;
    let body = json!({ "jsonrpc": "2.0", "method": "play", "params": ["sleep(60)"], "id": 1 }).to_string();
    client
        .send(&format!(
            "POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    let id = site.running_task().await;
    drop(client);
    let details = site.dispatcher.wait(id, crate::support::PATIENCE).await.expect("it ends");
    assert_eq!(details.cancel_reason, Some(rhai_dispatcher::CancelReason::Withdrawn));
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_beyond_the_limit_is_refused_as_a_whole() {
    let site = Site::with(GatewayConfig::default().with_max_batch(3).with_max_message_bytes(64 << 20)).await;
    let batch = |entries: usize| format!("[{}]", vec![SUM; entries].join(","));
    assert_eq!(site.rpc(&batch(3)).await.json().as_array().expect("answers").len(), 3);
    let refused = site.rpc(&batch(100_000)).await.json();
    assert_eq!(refused["error"]["code"], -32005, "{refused}");
    let data = &refused["error"]["data"];
    assert_eq!((&data["limit"], &data["max"]), (&json!("max_batch"), &json!(3)));
    assert!(data["reason"].as_str().is_some_and(|reason| reason.contains("100000")), "{refused}");
    let broken = format!("{}]", batch(10).trim_end_matches(']'));
    assert_eq!(site.rpc(&format!("{broken} 1")).await.json()["error"]["code"], -32700);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_without_tokens_listens_on_loopback_only() {
    let dispatcher =
        rhai_dispatcher::RhaiDispatcher::builder().caller_id("a").url("memory:").build().expect("one");
    let gateway =
        rhai_dispatcher_gateway::GatewayBuilder::new().dispatcher(dispatcher).build().expect("a gateway");
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let error =
        gateway.serve(listener, std::future::pending()).await.expect_err("it is open to others").to_string();
    assert!(error.contains("rhaid token new"), "{error}");
}
