//! One program registers a handler, another calls its method, a third reads what there is.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rhai_dispatcher::handlers::MethodHandler;
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker, TaskId};
use rhai_dispatcher_test_redis::RedisServer;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a process of this test does; the name of an environment variable.
const ROLE: &str = "RHAI_TEST_ROLE";
/// The URL of its server.
const URL: &str = "RHAI_TEST_URL";
/// The task that it reads.
const TASK: &str = "RHAI_TEST_TASK";

/// What the processes print begins with it, since the test harness prints too.
const MARK: &str = "> ";

#[derive(Deserialize, JsonSchema)]
struct Request {
    text: String,
}

/// Is the program of another process if the environment says so.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let url = std::env::var(URL).unwrap();
    let client = || RhaiDispatcher::builder().caller_id(role.as_str()).url(&url).build().unwrap();
    match role.as_str() {
        "worker" => {
            let handler = MethodHandler::new("rpc")
                .with_description("Processes texts.")
                .with_method("my_rpc", |request: Request| async move {
                    Ok::<_, String>(format!("Processed {}", request.text))
                });
            let worker = RhaiWorker::builder("rpc-worker").url(&url).threads(2).handler(handler);
            let running = block_on(worker.build().unwrap().start()).unwrap();
            say(&json!("serving"));
            let _ = std::io::stdin().read(&mut [0]); // until it is closed
            block_on(running.drain()).unwrap();
        }
        "client" => {
            let details = block_on(client().call("rpc.my_rpc").arg("text", "this").await_response()).unwrap();
            let id = details.task_id.to_string();
            say(&json!({ "id": id, "result": details.into_result::<String>().unwrap() }));
        }
        "third" => {
            let id: TaskId = std::env::var(TASK).unwrap().parse().unwrap();
            let client = client();
            // The worker's next report has the call.
            let start = Instant::now();
            let handlers = loop {
                let handlers = block_on(client.get_handlers()).unwrap();
                if handlers.iter().any(|handler| handler.figures.calls > 0) {
                    break handlers;
                }
                assert!(start.elapsed() < Duration::from_secs(60), "{handlers:?}");
                std::thread::sleep(Duration::from_millis(10));
            };
            let rpc = block_on(client.get_rpc(id)).unwrap();
            say(&json!({ "handlers": handlers, "rpc": rpc }));
        }
        role => panic!("{role}"),
    }
}

fn say(value: &Value) {
    println!("\n{MARK}{value}");
}

/// Another process of this program, killed when it is dropped.
struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str, url: &str, task: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes::role", "--nocapture"]);
        command.env(ROLE, role).env(URL, url).env(TASK, task);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// What it says next.
    fn said(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended without a word");
            if let Some(said) = line.strip_prefix(MARK) {
                return serde_json::from_str(said).unwrap();
            }
        }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn handler_of_one_process_is_called_by_another_and_read_by_a_third() {
    let server = RedisServer::start();
    let mut worker = Process::start("worker", &server.url(), "");
    assert_eq!(worker.said(), "serving");
    // It is announced right after that.
    let watcher = RhaiDispatcher::builder().caller_id("test").url(server.url()).build().unwrap();
    let start = Instant::now();
    while block_on(watcher.get_handlers()).unwrap().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }

    let mut client = Process::start("client", &server.url(), "");
    let answer = client.said();
    client.end();
    assert_eq!(answer["result"], "Processed this");

    let mut third = Process::start("third", &server.url(), answer["id"].as_str().unwrap());
    let read = third.said();
    third.end();
    let handler = &read["handlers"][0];
    for (field, value) in [
        ("workerId", json!("rpc-worker")),
        ("name", json!("rpc")),
        ("description", json!("Processes texts.")),
        ("typ", json!("native")),
        ("threads", json!(0)),
    ] {
        assert_eq!(handler[field], value, "{field}");
    }
    assert_eq!(handler["methods"][0]["name"], "rpc.my_rpc");
    let figures = &handler["figures"];
    assert_eq!((&figures["calls"], &figures["successRate"]), (&json!(1), &json!(1.0)));
    assert!(figures["averageTime"].is_number() && figures["lastActivity"].is_string(), "{figures}");
    let rpc = &read["rpc"];
    assert_eq!((&rpc["method"], &rpc["args"]), (&json!("rpc.my_rpc"), &json!({"text": "this"})));
    assert_eq!((&rpc["status"], &rpc["output"]), (&json!("completed"), &json!("Processed this")));
    assert_eq!(rpc["callerId"], "client");
    worker.end();
}
