use std::time::Duration;

use rhai_dispatcher_gateway::GatewayConfig;
use serde_json::{Value, json};

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
    let other_method = connect().await.get("/rpc").await;
    assert_eq!((other_method.status, other_method.header("allow")), (405, Some("POST")));
    assert_eq!(other_method.json()["error"]["code"], -32600);
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
async fn slow_and_long_heads_and_slow_bodies_are_given_up() {
    let config = GatewayConfig::default()
        .with_header_timeout(Duration::from_millis(100))
        .with_body_timeout(Duration::from_millis(100));
    let site = Site::with(config).await;
    let mut head = Http::connect(site.address).await;
    head.send("POST /rpc HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await;
    assert!(!head.rest().await.starts_with("HTTP/1.1 200"));
    let mut long = Http::connect(site.address).await;
    // As long as it may be, and not at its end: more would be left unread, and reset the connection.
    let begin = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: ";
    long.send(&format!("{begin}{}", "x".repeat(64 * 1024 - begin.len()))).await;
    assert!(long.rest().await.starts_with("HTTP/1.1 431"));
    let mut silent = Http::connect(site.address).await;
    assert_eq!(silent.rest().await, "");
    let mut body = Http::connect(site.address).await;
    body.send("POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{").await;
    assert!(body.rest().await.starts_with("HTTP/1.1 408"));
    let mut form = Http::connect(site.address).await;
    form.send(
        "POST /playground HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: 100\r\n\r\nscript=1",
    )
    .await;
    assert!(form.rest().await.starts_with("HTTP/1.1 408"));
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_reads_no_answer_is_closed() {
    let config =
        GatewayConfig::default().with_write_timeout(Duration::from_millis(200)).with_max_connections(1);
    let site = Site::with(config).await;
    let mut deaf = Http::connect(site.address).await;
    let play = json!({ "jsonrpc": "2.0", "method": "play", "params": ["let text = `x`; text.pad(200000, 'x'); text"] });
    let entry = |id: u64| {
        let mut play = play.clone();
        play["id"] = json!(id);
        play
    };
    // More than the buffers of both ends take.
    let body = json!((0..8).map(entry).collect::<Vec<_>>()).to_string();
    let length = body.len();
    deaf.send(&format!(
        "POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
    assert!(Http::connect(site.address).await.rest().await.starts_with("HTTP/1.1 503"));
    crate::support::until("there is room for another", || async {
        let mut other = Http::connect(site.address).await;
        other.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        other.rest().await.starts_with("HTTP/1.1 200")
    })
    .await;
    drop(deaf);
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
async fn answers_of_a_batch_are_bounded_together() {
    let config = GatewayConfig::default().with_max_answer_bytes(10_000);
    let site = Site::with(config).await;
    let script = "let text = `x`; text.pad(6000, 'x'); text";
    let submitted = site.call("play.submit", json!([script])).await;
    let id = submitted["result"]["taskId"].clone();
    site.call("task.wait", json!([id])).await;
    let thrown = json!([format!("{script}; throw text")]);
    for (method, params, code) in [("task.status", json!([id]), Value::Null), ("play", thrown, json!(-32000))]
    {
        let entry = |id| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let text = json!((0..300).map(entry).collect::<Vec<_>>()).to_string();
        let over_http = site.rpc(&text).await;
        let mut socket = site.socket().await;
        socket.send(text).await;
        let over_socket = socket.message().await.into_text().expect("a text").to_string();
        for answer in [over_http.body, over_socket] {
            let answers: Vec<Value> = serde_json::from_str(&answer).expect("a batch");
            let limited = |answer: &&Value| answer["error"]["data"]["limit"] == "max_answer_bytes";
            assert_eq!((answers.len(), answers.iter().filter(limited).count()), (300, 299), "{method}");
            let whole = answers.iter().find(|answer| !limited(answer)).expect("one has room");
            assert!(whole.to_string().len() > 6_000 && whole["error"]["code"] == code, "{method}");
        }
    }
    // An answer that is alone has room.
    let long = json!(["let text = `x`; text.pad(20000, 'x'); text"]);
    assert_eq!(site.call("play", long).await["result"].as_str().map(str::len), Some(20_000));
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

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_named_origins_may_call() {
    const PAGE: &str = "https://shop.example";
    const ALLOWED: &str = "access-control-allow-origin";
    let site = Site::with(GatewayConfig::default().with_allowed_origin(PAGE)).await;
    let page = || async { Http::connect(site.address).await.header("origin", PAGE) };
    let asks = |http: Http| http.header("access-control-request-method", "POST");
    let preflight = asks(page().await).request("OPTIONS", "/rpc", "").await;
    assert_eq!((preflight.status, preflight.header(ALLOWED)), (204, Some(PAGE)), "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization, content-type"));
    assert_eq!(preflight.header("vary"), Some("origin"));
    let answer = page().await.post("/rpc", SUM).await;
    assert_eq!((answer.header(ALLOWED), &answer.json()["result"]), (Some(PAGE), &json!(3)));

    // A page of the gateway itself needs none of it, other paths have none of it, and other pages are refused.
    let own = Http::connect(site.address).await.header("origin", &format!("http://{}", site.address));
    assert_eq!({ own }.post("/rpc", SUM).await.header(ALLOWED), None);
    assert_eq!(page().await.get("/healthz").await.header(ALLOWED), None);
    let other = asks(Http::connect(site.address).await.header("origin", "https://evil.example"));
    let refused = { other }.request("OPTIONS", "/rpc", "").await;
    assert_eq!((refused.status, refused.header(ALLOWED)), (403, None));
    let closed = Site::new().await;
    let refused =
        asks(Http::connect(closed.address).await.header("origin", PAGE)).request("OPTIONS", "/rpc", "").await;
    assert_eq!((refused.status, refused.header(ALLOWED)), (403, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_in_the_audit_log_if_asked_for() {
    for audit_calls in [false, true] {
        let site = Site::with(GatewayConfig::default().with_audit_calls(audit_calls)).await;
        assert_eq!(site.call("test.echo", json!({ "value": 1 })).await["error"], Value::Null);
        assert_eq!(site.call("call", json!(["sum", [1, 2]])).await["result"], 3);
        assert_eq!(site.call("play", json!(["1"])).await["result"], 1);
        let form = Http::connect(site.address).await;
        let mut form = form.header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(form.post("/methods/main/test.echo", "p0=1").await.status, 200);
        let entries = site.call("audit.list", json!([])).await;
        let entries = entries["result"].as_array().expect("entries");
        let shown: Vec<_> = entries.iter().map(|entry| (&entry["action"], &entry["detail"])).collect();
        let (play, call) = (json!("play"), json!("call"));
        let (main, sum, echo) = (json!("main"), json!("sum"), json!("test.echo"));
        let with_calls = [(&call, &echo), (&play, &main), (&call, &sum), (&call, &echo)];
        assert_eq!(shown, with_calls[if audit_calls { 0..4 } else { 1..2 }]);
    }
}
