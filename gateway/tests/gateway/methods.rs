use std::time::Duration;

use rhai_dispatcher::{RhaiDispatcher, TaskId, TaskStatus};
use rhai_dispatcher_gateway::GatewayConfig;
use rhai_dispatcher_test_redis::RedisServer;
use serde_json::{Value, json};

use crate::support::{Http, Site};

fn error(answer: &Value) -> (i64, &str) {
    let error = &answer["error"];
    (error["code"].as_i64().unwrap_or_default(), error["data"]["reason"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn script_is_run_and_its_error_says_where() {
    let site = Site::new().await;
    let answer = site.call("play", json!({ "script": "args.a + 2", "args": { "a": 40 } })).await;
    assert_eq!(answer["result"], 42, "{answer}");
    assert_eq!(site.call("play", json!(["40 + 2", "main"])).await["result"], 42);
    assert_eq!(site.call("play", json!(["caller_id"])).await["result"], "gateway", "without tokens");

    let failed = site.call("play", json!(["let a = 1;\nthrow #{ code: 7 }"])).await;
    let data = &failed["error"]["data"];
    assert_eq!(
        (&failed["error"]["code"], &failed["error"]["message"]),
        (&json!(-32000), &json!("Task failed"))
    );
    assert_eq!(
        (&data["kind"], &data["line"], &data["value"]),
        (&json!("runtime"), &json!(2), &json!({ "code": 7 }))
    );
    let record = site.call("task.status", json!([data["taskId"]])).await;
    assert_eq!(
        (&record["result"]["status"], &record["result"]["callerId"]),
        (&json!("error"), &json!("gateway"))
    );

    let unparsable = site.call("play", json!(["let = 1"])).await;
    assert_eq!(error(&unparsable).0, -32602, "{unparsable}");
    assert_eq!(unparsable["error"]["data"]["kind"], "parse");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_parameters_are_named() {
    let site = Site::new().await;
    for (method, params, says) in [
        ("play", json!({}), "script: is missing"),
        ("play", json!({ "scirpt": "1" }), "unknown field `scirpt`"),
        ("play", json!({ "script": 1 }), "script: invalid type: integer `1`, expected a string"),
        (
            "play",
            json!({ "script": "1", "priority": "max" }),
            "priority: unknown variant `max`, expected one of",
        ),
        (
            "play",
            json!({ "script": "1", "timeout": "1" }),
            "timeout: invalid type: string \"1\", expected a number",
        ),
        (
            "play",
            json!({ "script": "1", "retries": -1 }),
            "retries: invalid value: integer `-1`, expected a whole number",
        ),
        (
            "tasks.list",
            json!(["", -1]),
            "limit: invalid value: integer `-1`, expected a whole number from 0 on",
        ),
        (
            "task.unsubscribe",
            json!(["x"]),
            "subscription: invalid type: string \"x\", expected a whole number",
        ),
        ("play", json!({ "script": "1", "worker_id": "a b" }), "worker_id"),
        ("play", json!({ "script": "1", "args": [1] }), "not a JSON object"),
        ("play", json!({ "script": "1", "timeout": 0 }), "timeout: is zero"),
        ("play", json!({ "script": "1", "timeout": -1 }), "timeout: -1 is not a duration"),
        ("play", json!({ "script": "1", "timeout": 1e9 }), "max_call_timeout"),
        ("play", json!({ "script": "1", "method": "a" }), "parameters of `call`"),
        ("play", json!({ "script": "1", "limits": { "max_operations": 0 } }), "max_operations"),
        ("call", json!({ "params": [1] }), "method: is missing"),
        ("activity.list", json!(["status:errr"]), "filter: column 8: \"errr\" is not a status"),
        ("tasks.list", json!(["", 0]), "limit: is zero"),
        ("call", json!({ "method": "test.echo", "script": "1" }), "parameters of `play`"),
        ("task.status", json!(["x"]), "task_id: \"x\" is not a UUID"),
        ("task.status", json!([1, 2]), "there are 2 parameters, and the method takes 1"),
        ("task.subscribe", json!([TaskId::new()]), "over a WebSocket only"),
        ("handlers.list", json!([1]), "takes no parameters"),
        ("test.fail", json!([1]), "takes no parameters"),
        ("audit.list", json!({ "limit": 1_000_000 }), "max_listed"),
    ] {
        let answer = site.call(method, params.clone()).await;
        let (code, reason) = error(&answer);
        assert!([-32602, -32600].contains(&code) && reason.contains(says), "{method} {params}: {answer}");
        // The field is named, and once.
        if let Some((field, problem)) = reason.split_once(": ") {
            assert!(!problem.starts_with(field), "{answer}");
        }
    }
    let beyond = r#"{"jsonrpc":"2.0","id":1,"method":"test.echo","params":[12345678901234567890]}"#;
    let answer = site.rpc(beyond).await.json();
    assert!(error(&answer).1.contains("12345678901234567890 is beyond the 64-bit"), "{answer}");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (params, says) in [
        (&*deep, "deeper than 127 levels; pass what is deeper as a string"),
        ("[1e999]", "pass it as a string"),
    ] {
        let answer =
            site.rpc(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"test.echo","params":{params}}}"#)).await;
        let answer = answer.json();
        assert!(error(&answer).0 == -32602 && error(&answer).1.contains(says), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_method_names_one_of_a_similar_name() {
    let site = Site::new().await;
    for (method, params) in
        [("test.ehco", json!([])), ("call", json!({ "method": "test.ehco" })), ("test.echoo", json!({}))]
    {
        let answer = site.call(method, params).await;
        assert_eq!(error(&answer).0, -32601, "{answer}");
        assert_eq!(answer["error"]["message"], "Method not found");
        assert_eq!(answer["error"]["data"]["nearest"], "test.echo", "{answer}");
    }
    let answer = site.call("nothing.similar", json!([])).await;
    assert_eq!(answer["error"], json!({ "code": -32601, "message": "Method not found" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn method_is_called_by_name_and_with_settings() {
    let site = Site::new().await;
    assert_eq!(site.call("test.echo", json!([1, "a", null])).await["result"], json!([1, "a", null]));
    let settings =
        json!({ "method": "test.echo", "params": [7], "worker_id": "main", "context_id": "user-1" });
    assert_eq!(site.call("call", settings.clone()).await["result"], json!([7]));
    let submitted = site.call("call.submit", settings).await;
    let id = submitted["result"]["taskId"].clone();
    let record = site.call("task.wait", json!({ "task_id": id, "timeout": 30 })).await;
    assert_eq!(
        (&record["result"]["output"], &record["result"]["contextId"]),
        (&json!([7]), &json!("user-1"))
    );
    assert_eq!(site.call("task.cancel", json!([id])).await["result"]["cancelled"], "alreadyFinished");

    let failed = site.call("test.fail", json!([])).await;
    assert_eq!((error(&failed).0, error(&failed).1), (-32000, "it failed"));
    let elsewhere = site.call("call", json!({ "method": "test.echo", "worker_id": "spec" })).await;
    assert_eq!(elsewhere["error"], Value::Null, "the worker of the specification answers all: {elsewhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_is_submitted_and_not_waited_for() {
    let site = Site::new().await;
    let notification = r#"{"jsonrpc":"2.0","method":"play","params":["sleep(60)"]}"#;
    let response = Http::connect(site.address).await.post("/rpc", notification).await;
    assert_eq!(response.status, 204);
    let entries = site.call("audit.list", json!([])).await;
    let id = entries["result"][0]["target"].as_str().expect("a task").to_owned();
    let record = site.call("task.status", json!([id])).await;
    assert!(
        ["pending", "processing"].contains(&record["result"]["status"].as_str().expect("a status")),
        "{record}"
    );
    assert_ne!(site.call("task.cancel", json!([id])).await["result"]["cancelled"], "alreadyFinished");
    let ended = site.call("task.wait", json!([id])).await;
    assert_eq!(
        (&ended["result"]["status"], &ended["result"]["cancelReason"]),
        (&json!("cancelled"), &json!("asked"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn timeout_withdraws_the_task() {
    let site =
        Site::with(GatewayConfig::default().with_call_timeout(std::time::Duration::from_millis(50))).await;
    let answer = site.call("play", json!(["sleep(60)"])).await;
    assert_eq!(error(&answer).0, -32002, "{answer}");
    let id: TaskId = answer["error"]["data"]["taskId"].as_str().expect("an id").parse().expect("an id");
    let details = site.dispatcher.wait(id, crate::support::PATIENCE).await.expect("it ends");
    assert_eq!(details.status, TaskStatus::Cancelled);
    assert_eq!(error(&site.call("task.wait", json!([TaskId::new()])).await).0, -32004);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_are_described_as_openrpc() {
    let site = Site::new().await;
    let document = site.call("rpc.discover", json!([])).await["result"].clone();
    assert_eq!(document["openrpc"], "1.3.2");
    let methods = document["methods"].as_array().expect("methods");
    let named =
        |name: &str| methods.iter().find(|method| method["name"] == name).unwrap_or_else(|| panic!("{name}"));
    for name in ["play", "call", "task.subscribe", "rpc.discover", "audit.list", "subtract"] {
        named(name);
    }
    let echo = named("test.echo");
    assert_eq!(
        (&echo["x-worker-id"], &echo["params"][0]["required"]),
        (&json!("main"), &json!(true)),
        "{echo}"
    );
    let handlers = site.call("handlers.list", json!([])).await;
    let names: Vec<_> =
        handlers["result"].as_array().expect("handlers").iter().map(|handler| &handler["name"]).collect();
    assert_eq!(names, ["test", "spec"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn method_of_two_worker_ids_needs_one() {
    let site = Site::new().await;
    let transport = site.dispatcher.transport().clone();
    let other =
        rhai_dispatcher::RhaiWorker::builder("other").transport(transport).handler(crate::support::handler());
    let other = other.build().expect("a worker").start().await.expect("it starts");
    let dispatcher: &RhaiDispatcher = &site.dispatcher;
    crate::support::until("the other worker has announced its methods", || async {
        dispatcher
            .get_handlers()
            .await
            .expect("handlers")
            .iter()
            .any(|handler| handler.worker_id.as_str() == "other")
    })
    .await;
    crate::support::until("the call is ambiguous", || async {
        let answer = site.call("test.echo", json!([1])).await;
        error(&answer).0 == -32602 && error(&answer).1.contains("worker_id")
    })
    .await;
    let named =
        site.call("call", json!({ "method": "test.echo", "params": [1], "worker_id": "other" })).await;
    assert_eq!(named["result"], json!([1]));
    other.drain().await.expect("it drains");
}

#[tokio::test(flavor = "multi_thread")]
async fn script_of_a_client_that_leaves_at_once_is_in_the_audit_log() {
    let redis = RedisServer::start();
    let worker_dispatcher =
        RhaiDispatcher::builder().caller_id("tests").url(redis.url()).build().expect("one");
    let site = Site::over(worker_dispatcher.transport().clone(), GatewayConfig::default(), |b| b).await;
    let request =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "play.submit", "params": ["1", "not-served"] });
    let request = request.to_string();
    let text = format!(
        "POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{request}",
        request.len()
    );
    for number in 0..200 {
        let mut client = Http::connect(site.address).await;
        client.send(&text).await;
        // Some leave before the gateway has read the request, some while the task is submitted, and some after it.
        tokio::time::sleep(Duration::from_micros(number % 50 * 100)).await;
        drop(client);
    }
    assert!(site.rpc(&request).await.json()["result"]["taskId"].is_string());
    let tasks = site.call("tasks.list", json!(["worker:not-served", 1_000])).await;
    let tasks: Vec<_> =
        tasks["result"].as_array().expect("tasks").iter().map(|one| &one["task"]["taskId"]).collect();
    assert!(!tasks.is_empty());
    crate::support::until("each task has its entry", || async {
        let entries = site.call("audit.list", json!({ "limit": 1_000 })).await;
        let entries: Vec<_> =
            entries["result"].as_array().expect("entries").iter().map(|entry| &entry["target"]).collect();
        tasks.iter().all(|task| entries.contains(task))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_while_they_run_and_when_they_have_ended() {
    let site = Site::new().await;
    let submitted = site.call("play.submit", json!(["sleep(60)"])).await;
    let id = submitted["result"]["taskId"].clone();
    site.running_task().await;
    let listed = site.call("tasks.list", json!({ "filter": "status:processing", "limit": 10 })).await;
    let first = &listed["result"][0];
    assert_eq!(
        (&first["task"]["taskId"], listed["result"].as_array().map(Vec::len)),
        (&id, Some(1)),
        "{listed}"
    );
    assert!(first["progress"].as_str().is_some_and(|progress| progress.contains("running")), "{listed}");
    let state = site.call("task.inspect", json!([id])).await;
    assert!(state["result"].is_object(), "{state}");
    site.call("task.cancel", json!([id])).await;
    site.call("task.wait", json!([id])).await;
    assert_eq!(site.call("tasks.list", json!(["status:processing"])).await["result"], json!([]));
    crate::support::until("its end is in the activity", || async {
        let page = site
            .call("activity.list", json!({ "filter": format!("task:{}", id.as_str().expect("an id")) }))
            .await;
        page["result"]["entries"][0]["status"] == "cancelled"
    })
    .await;
    let unknown = site.call("activity.list", json!({ "filter": "statu:error" })).await;
    assert!(error(&unknown).1.contains("did you mean `status`?"), "{unknown}");
    assert_eq!(error(&site.call("task.inspect", json!([id])).await).0, -32602);
    assert_eq!(error(&site.call("tasks.list", json!({ "limit": 0 })).await).0, -32602);
}
