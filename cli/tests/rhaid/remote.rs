use std::io::Write;

use serde_json::json;

use crate::command::{Ended, Scripts, ended, signal};
use crate::site::Site;

const CALL: [&str; 4] = ["call", "--worker", "worker-1", "-"];
const SUBMIT: [&str; 4] = ["submit", "--worker", "worker-1", "-"];

#[test]
fn a_call_prints_what_the_script_returns() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let script = "print(\"said\"); `Hello, ${args.name}, from ${worker_id} for ${context_id}!`";
    let args = [&CALL[..], &["--arg", "name=Ann", "--context", "tea", "--priority", "high"]].concat();
    let ended = site.run_with(script, &args);
    let expected = (Some(0), "Hello, Ann, from worker-1 for tea!\n", "said\n");
    assert_eq!((ended.code, &*ended.out, &*ended.err), expected);

    let scripts = Scripts::new([("a.rhai", "#{n: 1}")]);
    let path = scripts.path().join("a.rhai");
    let path = path.to_str().expect("UTF-8");
    assert_eq!(site.ok(&["call", "--worker", "worker-1", path]), "{\"n\":1}\n");
    let record = &site.json(&["call", "--worker", "worker-1", path])[0];
    assert_eq!((&record["status"], &record["output"]), (&json!("completed"), &json!({"n": 1})));
}

#[test]
fn a_limit_on_the_command_line_holds_for_its_task() {
    let scripts = Scripts::new([("x", "let n = 0; for i in 0..1000 { n += 1; } sleep(0.2); n")]);
    let exceeds = |args: &[&str], says: &str| {
        let ended = scripts.run(&[args, &["x"]].concat());
        assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{}", ended.err);
        assert!(ended.err.contains(says), "{says}: {}", ended.err);
    };
    exceeds(&["--limit", "max_operations=1000"], "error[limit]: too many operations (limit: 1000)");
    exceeds(&["--limit", "max_wall_time=50ms", "--limit", "max_requests=1"], "the limit of 50ms");
    assert_eq!(scripts.run(&["--limit", "max_operations=1000000", "x"]).out, "1000\n");

    scripts.write("long.rhai", "let a = []; a.pad(200_000, 0); a.len()");
    assert!(
        scripts.run(&["long.rhai"]).err.contains(
            "an array is too large, with the arrays in it (limit: 100000); raise max_array_size with"
        )
    );
    assert_eq!(scripts.run(&["--limit", "max_array_size=300000", "long.rhai"]).out, "200000\n");

    let site = Site::new();
    let _worker = site.worker(&["--limit", "max_operations=100000"]);
    let ended = site.run_with("let n = 0; for i in 0..100_000 { n += 1; } n", &CALL);
    assert!(ended.err.contains("too many operations (limit: 100000)"), "{}", ended.err);
    let script = "let n = 0; for i in 0..1000 { n += 1; } n";
    let limit = ["--limit", "max_operations=1000"];
    let ended = site.run_with(script, &[&CALL[..], &limit].concat());
    assert_eq!((ended.code, &*ended.out), (Some(1), ""));
    assert!(ended.err.contains("too many operations (limit: 1000)"), "{}", ended.err);
    assert_eq!(site.run_with(script, &CALL).out, "1000\n");
    let id = site.submit(script, &limit);
    let record = site.record(&id, |record| record["status"] == "error");
    assert_eq!(record["limits"], json!({"max_operations": 1000}), "{record}");
    let shown = site.run(&["status", &id]).out;
    assert!(shown.lines().any(|line| line == "limits      max_operations=1000"), "{shown}");
}

#[test]
fn a_failed_call_shows_the_place() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    for (script, kind, position) in [("1;\n  nope", "runtime", "2:3"), ("let x = ;", "parse", "1:9")] {
        let ended = site.run_with(script, &CALL);
        assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{}", ended.err);
        assert!(ended.err.starts_with(&format!("error[{kind}]: ")), "{}", ended.err);
        assert!(ended.err.contains(&format!("--> <stdin>:{position}\n")), "{}", ended.err);
        assert!(ended.err.ends_with("^\n"), "{}", ended.err);
    }
    let refused = site.run_with("let x = ;", &SUBMIT);
    assert_eq!((refused.code, &*refused.out), (Some(1), ""));
    assert!(refused.err.ends_with("^\n"), "{}", refused.err);
}

#[test]
fn call_that_no_worker_starts_is_cancelled_at_its_timeout() {
    let site = Site::new();
    let ended = site.run_with("1", &[&CALL[..], &["--timeout", "200ms", "--json"]].concat());
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.starts_with(
            "error[timeout]: no worker began the script within 200ms: no worker serves worker-1; start one"
        ),
        "{}",
        ended.err
    );
    let record: serde_json::Value = serde_json::from_str(&ended.out).expect("a record");
    assert_eq!(record["status"], "cancelled");
}

#[test]
fn an_interrupted_call_cancels_its_task() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let scripts = Scripts::new([("long", "sleep(3600)")]);
    let mut command = site.command(&["call", "--worker", "worker-1", "--timeout", "1h", "long"]);
    let child = command.current_dir(scripts.path()).spawn().expect("rhaid runs");
    site.until("the task runs", || site.json(&["workers"])[0]["claimed"] == 1);
    signal(&child, "INT");
    let ended = ended(child.wait_with_output().expect("it ends"));
    assert_eq!((ended.code, &*ended.out), (Some(130), ""), "{}", ended.err);
    site.until("the task ends", || site.json(&["workers"])[0]["claimed"] == 0);
}

#[test]
fn a_submitted_task_is_awaited_looked_up_and_submitted_again() {
    let site = Site::new();
    let args = ["--arg", "n=20", "--context", "tea", "--priority", "low", "--request-id", "r"];
    let id = site.submit("args.n + 22", &args);
    assert_eq!(site.submit("args.n + 22", &args), id, "the request id joins them");
    let record = site.record(&id, |_| true);
    assert_eq!((&record["status"], &record["callerId"]), (&json!("pending"), &json!("rhaid")));
    let early = site.run(&["resubmit", &id]);
    assert_eq!((early.code, &*early.out), (Some(1), ""));
    assert!(early.err.contains("has not ended, it is pending"), "{}", early.err);
    let late = site.run(&["wait", &id, "--timeout", "100ms"]);
    assert_eq!((late.code, &*late.out), (Some(1), ""));
    assert!(late.err.contains("did not end within 100ms and has no outcome yet: "), "{}", late.err);

    let _worker = site.worker(&[]);
    assert_eq!(site.ok(&["wait", &id]), "42\n");
    let call = site.run_with("args.n + 22", &[&["call", "--worker", "worker-1", "-"], &args[..]].concat());
    assert_eq!((call.code, &*call.out), (Some(0), "42\n"), "it joins too: {}", call.err);
    let shown = site.ok(&["status", &id]);
    for line in ["status      completed", "output      42", "context     tea", "priority    low"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }

    let again = site.ok(&["resubmit", &id]);
    let again = again.trim_end();
    assert_ne!(again, id);
    assert_eq!(site.ok(&["wait", again]), "42\n");
    let second = site.record(again, |_| true);
    for (field, value) in [
        ("script", json!("args.n + 22")),
        ("args", json!({"n": 20})),
        ("workerId", json!("worker-1")),
        ("contextId", json!("tea")),
        ("priority", json!("low")),
        ("requestId", json!(null)),
    ] {
        assert_eq!(second[field], value, "{field}");
    }
}

#[test]
fn a_failed_task_is_one_for_status_and_wait_too() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let id = site.submit("throw \"no\"", &["--retries", "0", "--delay", "1ms", "--expires-in", "1m"]);
    let waited = site.run(&["wait", &id]);
    assert_eq!((waited.code, &*waited.out), (Some(1), ""));
    assert!(waited.err.starts_with("error[runtime]: no\n") && waited.err.ends_with("^\n"), "{}", waited.err);
    let status = site.run(&["status", &id]);
    assert_eq!((status.code, &*status.err), (Some(1), ""));
    assert!(status.out.contains("error       runtime: no"), "{}", status.out);
}

#[test]
fn a_running_task_is_cancelled() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let id = site.submit("sleep(3600)", &[]);
    site.running(&id);
    assert_eq!(site.ok(&["cancel", &id]), "requested\n");
    let waited = site.run(&["wait", &id]);
    assert_eq!((waited.code, &*waited.out), (Some(1), ""));
    assert!(waited.err.contains("the script was cancelled (asked)"), "{}", waited.err);
    assert_eq!(site.run(&["status", &id]).code, Some(1));
    assert_eq!(site.ok(&["cancel", &id]), "already finished\n");
}

#[test]
fn a_waiting_task_is_removed() {
    let site = Site::new();
    let id = site.submit("1", &["--delay", "1h"]);
    assert!(site.ok(&["status", &id]).contains("not before  2"));
    assert_eq!(site.json(&["cancel", &id]), [json!({"taskId": id, "cancelled": "removed"})]);
}

#[test]
fn a_paused_queue_keeps_its_tasks_until_it_is_resumed() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    assert_eq!(site.ok(&["pause", "worker-1"]), "worker-1 is paused\n");
    let id = site.submit("1", &[]);
    let queue = &site.json(&["queues"])[0];
    assert_eq!(
        (&queue["ready"], &queue["paused"]),
        (&json!({"high": 0, "normal": 1, "low": 0}), &json!(true))
    );
    assert_eq!(site.json(&["resume", "worker-1"]), [json!({"workerId": "worker-1", "paused": false})]);
    assert_eq!(site.ok(&["wait", &id]), "1\n");
}

#[test]
fn queues_and_workers_are_listed_in_aligned_columns() {
    let site = Site::new();
    let header = "WORKER  HIGH  NORMAL  LOW  OLDEST  DELAYED  QUARANTINED  CLAIMED  WORKERS  STATE\n";
    assert_eq!(site.ok(&["queues"]), header);
    assert_eq!(
        site.ok(&["workers"]),
        "WORKER  INSTANCE  HOST  PID  THREADS  STARTED  CLAIMED  STATE  LEASE UNTIL\n"
    );
    assert_eq!(site.json(&["queues"]), [json!(null); 0]);

    let _worker = site.worker(&[]);
    site.running(&site.submit("sleep(3600)", &[]));
    site.submit("1", &["--delay", "1h"]);
    let expected = "\
WORKER    HIGH  NORMAL  LOW  OLDEST  DELAYED  QUARANTINED  CLAIMED  WORKERS  STATE
worker-1     0       0    0                1            0        1        1  open
";
    assert_eq!(site.ok(&["queues"]), expected);
    site.until("the report of the worker", || site.json(&["workers"])[0]["description"].is_object());
    let worker = &site.json(&["workers", "--worker", "worker-1"])[0];
    let table = site.ok(&["workers"]);
    let (header, line) = table.split_once('\n').expect("a header and a worker");
    let instance = worker["instance"].as_str().expect("an id");
    let (host, started) =
        (worker["description"]["host"].as_str().expect("a host"), worker["startedAt"].as_str());
    assert!(line.starts_with(&format!("worker-1  {instance}  {host}  ")), "{table}");
    // Numbers end where their headers end, and texts begin where theirs begin.
    let begin = |name: &str| header.find(name).expect("a column");
    assert!(line[..begin("CLAIMED") + "CLAIMED".len()].ends_with("  1"), "{table}");
    assert!(line[begin("STARTED")..].starts_with(started.expect("a time")), "{table}");
    assert!(line[begin("STATE")..].starts_with("serving  2"), "{table}");
    assert_eq!(site.json(&["workers", "--worker", "worker-2"]), [json!(null); 0]);
}

#[test]
fn a_prefix_keeps_queues_apart() {
    let site = Site::new();
    let _worker = site.worker(&["--prefix", "one"]);
    let on = |prefix| [&CALL[..], &["--timeout", "500ms", "--prefix", prefix]].concat();
    assert_eq!(site.run_with("1", &on("two")).code, Some(1));
    let ended = site.run_with("1", &[&CALL[..], &["--prefix", "one"]].concat());
    assert_eq!((ended.code, &*ended.out), (Some(0), "1\n"), "{}", ended.err);
}

#[test]
fn trace_of_a_task_is_that_of_the_option_or_of_the_environment() {
    let site = Site::new();
    let traceparent = |trace: u32| format!("00-{trace:032x}-00f067aa0ba902b7-01");
    let submit = |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = site.command(&[&SUBMIT[..], args].concat());
        let mut child = command.envs(environment.iter().copied()).spawn().expect("rhaid runs");
        let _ = child.stdin.take().expect("a pipe").write_all(b"1"); // a refused command line reads nothing
        ended(child.wait_with_output().expect("it ends"))
    };
    let trace = |ended: Ended| {
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        site.record(ended.out.trim_end(), |_| true)["trace"].clone()
    };
    let (option, variable) = (traceparent(1), traceparent(2));
    let of_pipeline = [("TRACEPARENT", &*variable), ("TRACESTATE", "a=1")];
    let expected = json!({ "traceparent": variable, "tracestate": "a=1" });
    assert_eq!(trace(submit(&[], &of_pipeline)), expected);
    let own = trace(submit(&["--traceparent", &option], &of_pipeline));
    assert_eq!(own, json!({ "traceparent": option }));
    assert_eq!(trace(submit(&[], &[("TRACEPARENT", "00-1")])), json!(null));
    let refused = submit(&["--traceparent", "00-1"], &[]);
    assert_eq!((refused.code, &*refused.out), (Some(2), ""));
    let says = "invalid value '00-1' for '--traceparent <TEXT>': \"00-1\" does not have the form version-trace-span-flags";
    assert!(refused.err.contains(says), "{}", refused.err);
}
