use futures::StreamExt;
use rhai_dispatcher_gateway::{GatewayConfig, Role, Scope, TokenFile};
use rhai_dispatcher_gateway_client::{ClientError, GatewayClientBuilder, Play, RefusalCode, TaskEvent};
use serde_json::Value;

use crate::calls::code;
use crate::support::{Site, config, until};

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_ends_calls_and_subscriptions() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = TokenFile::new(folder.path().join("tokens.json"));
    let scope = Scope::new(Role::Call).with_scripts(true);
    let (token, record) = file.add("ann", scope, None).expect("a token");
    let tokens = file.clone();
    let site = Site::with(GatewayConfig::default(), Box::new(|builder| builder.tokens(tokens))).await;
    let open = |scheme, token: &str| site.builder(scheme).token(token).build().expect("a client");
    for scheme in ["ws", "http"] {
        let error =
            open(scheme, "rhaid_wrong").call::<_, i64>("test.add", &(1, 2)).await.expect_err("unknown");
        assert!(!error.may_have_run() && !error.is_retryable());
        assert_eq!(code(error), RefusalCode::Unauthorized);
    }
    let (socket, http) = (open("ws", token.expose()), open("http", token.expose()));
    assert_eq!(http.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));
    assert_eq!(socket.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));
    let task = socket.play_submit(&Play::new("while true { sleep(0.01) }")).await.expect("a task").task_id;
    let mut events = socket.subscribe(task).await.expect("events");
    let started = events.next().await.expect("an event");
    assert_eq!(started, Ok(TaskEvent::Started { delivery: 1 }));
    let waiting = tokio::spawn({
        let socket = socket.clone();
        async move { socket.call::<_, i64>("test.gate", &[1]).await }
    });
    site.running(2).await;

    file.revoke(&record.id).expect("it was there");
    let error = waiting.await.expect("no panic").expect_err("the token has ended");
    assert!(
        matches!(&error, ClientError::ConnectionLost { reason } if reason.contains("token")),
        "{error:?}"
    );
    let error = loop {
        if let Err(error) = events.next().await.expect("an error comes first") {
            break error;
        }
    };
    assert_eq!(code(error), RefusalCode::Unauthorized);
    assert!(events.next().await.is_none());
    for client in [socket, http] {
        let error = client.call::<_, i64>("test.add", &(1, 2)).await.expect_err("the token has ended");
        assert_eq!(code(error), RefusalCode::Unauthorized);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_call_names_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = TokenFile::new(folder.path().join("tokens.json"));
    let (token, _) = file.add("bob", Scope::new(Role::Read), None).expect("a token");
    let site = Site::with(GatewayConfig::default(), Box::new(|builder| builder.tokens(file))).await;
    let client = site.builder("ws").token(token.expose()).connect().await.expect("a client");
    let error = client.play::<Value>(&Play::new("1")).await.expect_err("it may only read");
    assert!(error.to_string().contains("scripts"), "{error}");
    assert_eq!(code(error), RefusalCode::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn message_that_is_too_long_ends_only_what_it_must() {
    let site =
        Site::with(GatewayConfig::default().with_max_message_bytes(1_000), Box::new(|builder| builder)).await;
    let long = "x".repeat(2_000);
    let limited = config().with_max_message_bytes(1_000);
    let client = site.builder("ws").config(limited).connect().await.expect("a client");
    let error = client.call::<_, Value>("test.add", &[&long]).await.expect_err("it is too long");
    assert!(matches!(&error, ClientError::Invalid(invalid) if invalid.field == "message"), "{error:?}");

    // This client does not know the limit of the gateway.
    let client = site.client().await;
    let error = client.call::<_, Value>("test.add", &[&long]).await.expect_err("it is too long");
    let is_named = |reason: &str| reason.contains("1009") || reason.contains("max_message_bytes");
    assert!(matches!(&error, ClientError::ConnectionLost { reason } if is_named(reason)), "{error:?}");
    assert_eq!(client.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));

    let client = site.builder("http").connect().await.expect("a client");
    let error = client.call::<_, Value>("test.add", &[&long]).await.expect_err("it is too long");
    let ClientError::Refused(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal.limit(), Some("max_message_bytes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_is_too_long_ends_the_connection() {
    let site = Site::new().await;
    let play = Play::new("let x = \"x\"; x.pad(5000, \"x\"); x");
    for scheme in ["ws", "http"] {
        let limited = config().with_max_answer_bytes(2_000);
        let client = site.builder(scheme).config(limited).connect().await.expect("a client");
        let error = client.play::<String>(&play).await.expect_err("it is too long");
        assert!(error.may_have_run() && error.to_string().contains("max_answer_bytes"), "{error}");
        assert_eq!(client.call::<_, i64>("test.add", &(1, 2)).await, Ok(3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_codes_of_the_gateway_are_known() {
    let site = Site::new().await;
    let document: Value = site.client().await.call("rpc.discover", &()).await.expect("a document");
    let errors = document["components"]["errors"].as_object().expect("errors");
    for (name, error) in errors {
        let error = serde_json::json!({ "code": error["code"], "message": error["message"] });
        let refusal: rhai_dispatcher_gateway_client::Refusal =
            serde_json::from_value(error).expect("a refusal");
        assert_eq!(format!("{:?}", refusal.code()), *name);
        assert!(!matches!(refusal.code(), RefusalCode::Other(_)), "{name}");
    }
    assert!(errors.len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_end_that_is_not_a_gateway_is_named() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|len| len > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>";
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    for scheme in ["ws", "http"] {
        let client = GatewayClientBuilder::new(format!("{scheme}://{address}")).config(config());
        let called = client.build().expect("a client").call::<_, i64>("test.add", &(1, 2)).await;
        let error = called.expect_err("it is another program");
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{scheme}: {error:?}");
    }
    served.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_client_is_taken_once_its_token_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = TokenFile::new(folder.path().join("tokens.json"));
    file.add("ann", Scope::new(Role::Call), None).expect("a token");
    let (token, record) = file.add("bob", Scope::new(Role::Call), None).expect("a token");
    let kept = std::fs::read(file.path()).expect("the file");
    file.revoke(&record.id).expect("it was there");
    let tokens = file.clone();
    let site = Site::with(GatewayConfig::default(), Box::new(|builder| builder.tokens(tokens))).await;
    let client = site.builder("ws").token(token.expose()).build().expect("a client");
    let error = client.call::<_, i64>("test.add", &(1, 2)).await.expect_err("it is not known");
    assert_eq!(code(error), RefusalCode::Unauthorized);
    std::fs::write(file.path(), kept).expect("it is written");
    until("the gateway knows the token", || async {
        client.call::<_, i64>("test.add", &(1, 2)).await.is_ok()
    })
    .await;
    let details = client.play_submit(&Play::new("1")).await;
    assert_eq!(code(details.expect_err("without scripts")), RefusalCode::Forbidden);
}
