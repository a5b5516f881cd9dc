//! A dispatcher with `protocol=list`, and a worker that knows nothing but the list protocol.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::{FutureExt, join_all};
use redis::{Commands, Connection};
use rhai_dispatcher_core::{
    Dispatcher, DispatcherConfig, Error, Limits, Priority, Progress, TaskErrorKind, TaskId, TaskStatus,
    Transport,
};
use rhai_dispatcher_list_bridge::{ListTransport, ListUrl};
use rhai_dispatcher_redis::RedisConfig;
use serde_json::json;
use support::{Site, until};

const LONG: Duration = Duration::from_secs(30);

fn transport(site: &Site, config: RedisConfig) -> ListTransport {
    let url = ListUrl::parse(&format!("{}?protocol=list", site.server.url())).expect("a URL").expect("lists");
    ListTransport::new(&url, config).expect("a valid config")
}

fn dispatcher(site: &Site) -> Dispatcher {
    let config = RedisConfig::new("").with_recheck_interval(Duration::from_millis(200));
    Dispatcher::new(Arc::new(transport(site, config)), DispatcherConfig::new("shop").expect("a caller"))
}

/// The worker: pops ids, and answers with the script as its output. `error: …` fails, `no reply` sends none, `not json` sends
/// something else.
fn old_worker(site: &Site) {
    let mut redis =
        redis::Client::open(site.server.url()).expect("a URL").get_connection().expect("a connection");
    thread::spawn(move || {
        // Until the server ends.
        while let Ok(popped) = redis.brpop::<_, Option<(String, String)>>("rhailib:worker-1", 0.0) {
            if let Some((_, id)) = popped {
                run(&mut redis, &id);
            }
        }
    });
}

fn run(redis: &mut Connection, id: &str) {
    let key = format!("rhailib:{id}");
    let hash: HashMap<String, String> = redis.hgetall(&key).expect("an answer");
    let script = &hash["script"];
    let (status, field) =
        if script.starts_with("error: ") { ("error", "error") } else { ("completed", "output") };
    let _: () = redis.hset_multiple(&key, &[("status", status), (field, script)]).expect("an answer");
    let details = json!({
        "taskId": id, "workerId": hash["workerId"], "callerId": hash["callerId"], "contextId": hash.get("contextId"),
        "script": script, "status": status, field: script,
        "createdAt": hash["createdAt"], "updatedAt": hash["updatedAt"],
    });
    let reply = match &**script {
        "no reply" => return,
        "not json" => "done".to_owned(),
        _ => details.to_string(),
    };
    let _: () = redis.lpush(format!("rhailib:reply:{id}"), reply).expect("an answer");
}

#[test]
fn a_request_is_answered_by_a_worker_that_knows_only_lists() {
    let site = Site::new();
    old_worker(&site);
    let client = dispatcher(&site);
    let request = client.new_play_request().worker_id("worker-1").script("{\"n\":42}").context_id("tea");
    let details = block_on(request.await_response()).expect("an outcome");
    assert_eq!((&*details.caller_id, details.context_id.as_deref()), ("shop", Some("tea")));
    assert_eq!((details.worker_id.as_str(), &*details.script), ("worker-1", "{\"n\":42}"));
    let output: serde_json::Value = details.clone().into_result().expect("JSON");
    assert_eq!(output["n"], 42);
    let status = block_on(client.status(details.task_id)).expect("a record");
    assert_eq!((status.status, status.output), (TaskStatus::Completed, details.output));

    let request = client.new_play_request().worker_id("worker-1").script("error: no");
    let details = block_on(request.await_response()).expect("an outcome");
    let error = details.error.expect("an error");
    assert_eq!((details.status, error.kind), (TaskStatus::Error, TaskErrorKind::Runtime));
    assert_eq!(error.message, "error: no");
}

#[test]
fn many_waits_share_one_connection() {
    let mut site = Site::new();
    let client = dispatcher(&site);
    let requests: Vec<_> = (0..300)
        .map(|number| {
            let request = client.new_play_request().worker_id("worker-1").script(format!("{number}"));
            request.timeout(LONG).await_response().boxed()
        })
        .collect();
    let waiting = thread::spawn(move || block_on(join_all(requests)));
    until("they are pushed", || site.redis.llen::<_, usize>("rhailib:worker-1").expect("an answer") == 300);
    let clients: String = redis::cmd("CLIENT").arg("LIST").query(&mut site.redis).expect("an answer");
    // This test's, one for calls and one that waits.
    assert!(clients.lines().count() <= 3, "{clients}");
    old_worker(&site);
    for (number, answer) in waiting.join().expect("no panic").into_iter().enumerate() {
        let output: usize = answer.expect("an outcome").into_result().expect("a number");
        assert_eq!(output, number);
    }
    assert_eq!(client.transport().health().waiters, 0);
}

#[test]
fn an_outcome_without_a_reply_is_found_in_the_hash() {
    let mut site = Site::new();
    old_worker(&site);
    let client = dispatcher(&site);
    for script in ["no reply", "not json"] {
        let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
        let details = block_on(request.await_response()).expect("an outcome");
        assert_eq!(details.into_result::<String>().expect("text"), script);
    }
    let left: Vec<String> = site.redis.keys("rhailib:reply:*").expect("an answer");
    assert!(left.len() <= 1, "the element that woke the wait is left at most: {left:?}");
}

#[test]
fn a_task_of_another_process_is_waited_for_without_its_reply() {
    let mut site = Site::new();
    let client = dispatcher(&site);
    let other = dispatcher(&site);
    let id = block_on(other.new_play_request().worker_id("worker-1").script("1").submit()).expect("pushed");
    let details = block_on(client.status(id)).expect("a record");
    assert_eq!((details.status, details.worker_id.as_str()), (TaskStatus::Pending, "worker-1"));
    let mut waiting = client.wait(id, LONG).boxed();
    assert!((&mut waiting).now_or_never().is_none());
    old_worker(&site);
    let output: i64 = block_on(waiting).expect("an outcome").into_result().expect("a number");
    assert_eq!(output, 1);
    assert_eq!(site.replies(&id.to_string()), 1, "the reply is for the process that has submitted it");
    let output: i64 = block_on(other.wait(id, LONG)).expect("an outcome").into_result().expect("a number");
    assert_eq!((output, site.replies(&id.to_string())), (1, 0));
    // It was popped: a second wait reads the hash.
    let output: i64 = block_on(other.wait(id, LONG)).expect("an outcome").into_result().expect("a number");
    assert_eq!(output, 1);
    let unknown = TaskId::new();
    assert!(matches!(block_on(client.status(unknown)), Err(Error::NotFound(_))));
    assert!(matches!(block_on(client.wait(unknown, LONG)), Err(Error::NotFound(_))));
}

#[test]
fn trace_is_in_the_hash_and_in_the_record() {
    let site = Site::new();
    let client = dispatcher(&site);
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = client.new_play_request().worker_id("worker-1").script("1").traceparent(traceparent);
    let id = block_on(request.submit()).expect("pushed");
    let details = block_on(client.status(id)).expect("a record");
    assert_eq!(details.trace.map(|trace| trace.traceparent()).as_deref(), Some(traceparent));
}

#[test]
fn what_the_protocol_does_not_have_is_an_error_that_names_it() {
    let mut site = Site::new();
    let client = dispatcher(&site);
    let second = Duration::from_secs(1);
    let request = || client.new_play_request().worker_id("worker-1").script("1");
    for (field, request) in [
        ("args", request().arg("n", 1)),
        ("delay", request().delay(second)),
        ("priority", request().priority(Priority::High)),
        ("expires_in", request().expires_in(second)),
        ("deadline_in", request().deadline_in(second)),
        ("retries", request().retries(1)),
        ("limits", request().limits(Limits::default().with_max_operations(1))),
        ("request_id", request().request_id("r")),
    ] {
        let Err(Error::Invalid(invalid)) = block_on(request.submit()) else {
            panic!("{field} is not refused")
        };
        assert_eq!(invalid.field, field);
        assert!(invalid.problem.contains("protocol=list"), "{invalid}");
    }
    let id = block_on(request().submit()).expect("pushed");
    let cancelled = block_on(client.cancel(id)).expect_err("it can't be cancelled");
    assert!(cancelled.to_string().contains("cancel: the list protocol (protocol=list)"), "{cancelled}");
    let waiting: Vec<String> = site.redis.lrange("rhailib:worker-1", 0, -1).expect("an answer");
    assert_eq!(waiting, [id.to_string()], "what was refused is not queued");
    let transport = transport(&site, RedisConfig::new(""));
    let worker_id = support::worker_id();
    assert!(block_on(transport.set_paused(&worker_id, true)).is_err());
    assert!(block_on(transport.queues()).is_err());
    assert!(block_on(transport.attach(rhai_dispatcher_core::InstanceSpec::new(worker_id))).is_err());
}

#[test]
fn a_request_that_no_worker_answers_times_out() {
    let site = Site::new();
    let client = dispatcher(&site);
    let request =
        client.new_play_request().worker_id("worker-1").script("1").timeout(Duration::from_millis(200));
    let Err(Error::Timeout(timed_out)) = block_on(request.await_response()) else {
        panic!("it was answered")
    };
    assert!(matches!(timed_out.progress(), Progress::NotStarted { .. } | Progress::Unknown), "{timed_out:?}");
    assert_eq!(client.transport().health().waiters, 0);
}

#[test]
fn both_sides_of_this_project_speak_it() {
    let site = Site::new();
    let (_worker, _) = site.worker();
    let _bridge = site.bridge();
    let client = dispatcher(&site);
    let requests = (0..100).map(|number| {
        client
            .new_play_request()
            .worker_id("worker-1")
            .script(format!("{number}"))
            .timeout(LONG)
            .await_response()
    });
    for (number, answer) in block_on(join_all(requests)).into_iter().enumerate() {
        let details = answer.expect("an outcome");
        assert_eq!(&*details.caller_id, "shop");
        assert_eq!(details.into_result::<usize>().expect("a number"), number);
    }
}
