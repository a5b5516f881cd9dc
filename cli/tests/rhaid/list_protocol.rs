use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{Ended, ended};
use crate::site::Site;

/// The code of a language in the document.
fn code(language: &str) -> String {
    let document = include_str!("../../../docs/list-protocol.md");
    let fence = format!("```{language}\n");
    let mut blocks = document.split(&*fence).skip(1);
    let block = blocks.next().unwrap_or_else(|| panic!("there is code in {language}"));
    assert_eq!(blocks.next(), None, "there is one block in {language}");
    block.split("```").next().expect("its end").to_owned()
}

/// Runs a client of the document with a script.
fn client(site: &Site, program: &str, language: &str, script: &str) -> Ended {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("client");
    fs::write(&file, code(language)).expect("written");
    let output = Command::new(program).arg(file).arg(script).env("REDIS_URL", site.url()).output();
    ended(output.unwrap_or_else(|error| panic!("{program}: {error}; the test needs it")))
}

#[test]
fn the_clients_of_the_document_submit_scripts() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let script = "let text = \"caf\u{e9}\\r\\n\"; #{ text: text, caller: caller_id, worker: worker_id }";
    for (program, language, caller) in
        [("sh", "sh", "shell"), ("python3", "python", "python"), ("node", "javascript", "node")]
    {
        let ran = client(&site, program, language, script);
        assert_eq!(ran.code, Some(0), "{language}: {}", ran.err);
        let output = match language {
            "sh" => {
                let details: Value = serde_json::from_str(&ran.out).expect("JSON");
                assert_eq!(details["status"], "completed", "{details}");
                details["output"].as_str().expect("an output").to_owned()
            }
            _ => ran.out.strip_prefix("completed ").unwrap_or_else(|| panic!("{}", ran.out)).to_owned(),
        };
        let output: Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!(
            output,
            json!({"text": "caf\u{e9}\r\n", "caller": caller, "worker": "worker-1"}),
            "{language}"
        );
        let failed = client(&site, program, language, "throw \"no\"");
        assert!(
            failed.out.contains("error") && failed.out.contains("runtime: no"),
            "{language}: {}",
            failed.out
        );
    }
}

#[test]
fn the_commands_of_the_readme_submit_a_script() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let readme = include_str!("../../../README.md");
    let commands: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ ").filter(|line| line.starts_with("redis-cli")))
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    let lines: Vec<_> =
        commands.iter().map(|line| line.replacen("redis-cli", "redis-cli -u \"$REDIS_URL\"", 1)).collect();
    let ran = Command::new("sh").args(["-ec", &lines.join("\n")]).env("REDIS_URL", site.url()).output();
    let ran = ended(ran.expect("a shell"));
    let reply: Value = serde_json::from_str(ran.out.lines().last().expect("a reply")).expect("JSON");
    assert_eq!((&reply["taskId"], &reply["output"]), (&json!("task-1"), &json!("42")), "{}", ran.err);
}

/// Submits a script as a client does.
fn push(site: &Site, id: &str, script: &str) {
    let _ = site.redis.command(&["HSET", &format!("rhailib:{id}"), "script", script]);
    let _ = site.redis.command(&["LPUSH", "rhailib:worker-1", id]);
}

#[test]
fn commands_follow_the_ids_of_clients() {
    let site = Site::new();
    let uuid = "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90";
    for id in ["task-1", uuid] {
        push(&site, id, "sleep(3600)");
        let record = &site.json(&["status", id])[0];
        assert_eq!((&record["taskId"], &record["status"]), (&json!(id), &json!("pending")), "{record}");
    }
    let shown = site.ok(&["status", "task-1"]);
    assert!(shown.lines().any(|line| line == "status      pending"), "{shown}");
    let late = site.run(&["wait", "task-1", "--timeout", "100ms"]);
    assert_eq!((late.code, &*late.out), (Some(1), ""));
    assert!(late.err.contains("task task-1 did not end within 100ms"), "{}", late.err);

    let _worker = site.worker(&[]);
    for id in ["task-1", uuid] {
        let record = site.running(id);
        assert_eq!(record["requestId"], id, "{record}");
        assert_eq!(site.ok(&["cancel", id]), "requested\n");
        let waited = site.run(&["wait", id]);
        assert_eq!((waited.code, &*waited.out), (Some(1), ""));
        assert!(waited.err.contains("the script was cancelled (asked)"), "{}", waited.err);
        assert_eq!(site.ok(&["cancel", id]), "already finished\n");
    }
    push(&site, "task-2", "40 + 2");
    assert_eq!(site.ok(&["wait", "task-2"]), "42\n");
    assert_eq!(site.ok(&["tail", "task-2"]), "42\n");
    let _ = site.redis.command(&["LPUSH", "rhailib:worker-1", "task-3"]);
    for command in ["status", "wait", "tail", "cancel"] {
        let unknown = site.run(&[command, "task-3"]);
        assert_eq!(unknown.code, Some(1));
        assert!(unknown.err.contains("task task-3 is not known"), "{}", unknown.err);
    }
    let _ = site.redis.command(&["HSET", "rhailib:task-4", "callerId", "shop"]);
    let _ = site.redis.command(&["LPUSH", "rhailib:worker-1", "task-4"]);
    let waited = site.run(&["wait", "task-4"]);
    assert_eq!((waited.code, &*waited.out), (Some(1), ""));
    assert!(waited.err.contains("script: is missing or empty"), "{}", waited.err);
    let tailed = site.run(&["tail", "task-4"]);
    assert!(tailed.code == Some(1) && tailed.err.contains("script: is missing or empty"), "{}", tailed.err);
    let shown = site.run(&["status", "task-4"]);
    assert_eq!(shown.code, Some(1));
    assert!(shown.out.contains("error       script: is missing or empty"), "{}", shown.out);
}

#[test]
fn a_worker_serves_lists_unless_it_is_told_not_to() {
    let site = Site::new();
    let deaf = site.worker(&["--no-list"]);
    push(&site, "task-1", "40 + 2");
    assert_eq!(site.run_with("1", &["call", "--worker", "worker-1", "-"]).out, "1\n");
    let bridges = site.redis.command(&["EXISTS", "{rhailib:worker-1}:bridges"]);
    assert_eq!(bridges, ":0\r\n");
    assert_eq!(site.redis.command(&["LLEN", "rhailib:worker-1"]), ":1\r\n");
    deaf.signal("TERM");
    assert_eq!(deaf.end().code, Some(0));
    let _worker = site.worker(&["--list-max-held", "1", "--list-reply-ttl", "10m"]);
    assert_eq!(site.ok(&["wait", "task-1"]), "42\n");

    let conflict = site.run(&["worker", "--id", "w", "--no-list", "--list-max-held", "1"]);
    assert_eq!(conflict.code, Some(2), "{}", conflict.err);
    // Its list would be a key of the dispatcher.
    let queues = site.worker_for("queues", &[]);
    queues.signal("TERM");
    let err = queues.end().err;
    assert!(err.contains("the list protocol is not served: its list of queues"), "{err}");
}

#[test]
fn a_worker_that_drains_leaves_pushed_tasks_to_others() {
    let site = Site::new();
    let first = site.worker(&["--grace", "0s"]);
    push(&site, "task-1", "sleep(3600)");
    site.running("task-1");
    first.signal("TERM");
    assert_eq!(first.end().code, Some(0));
    assert_eq!(site.redis.command(&["LRANGE", "rhailib:worker-1", "0", "-1"]), "*1\r\n$6\r\ntask-1\r\n");
    let _second = site.worker(&[]);
    assert_eq!(site.running("task-1")["delivery"], 1);
}

#[test]
fn commands_speak_to_workers_that_know_only_lists() {
    let site = Site::new();
    let url = format!("{}?protocol=list", site.url());
    // This worker speaks it too.
    let _worker = site.worker(&[]);
    let call = ["call", "--url", &url, "--worker", "worker-1", "-"];
    assert_eq!(site.run_with("40 + 2", &call).out, "42\n");
    let refused = site.run_with("1", &[&call[..], &["--priority", "high"]].concat());
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("priority") && refused.err.contains("protocol=list"), "{}", refused.err);
    let unknown = site.run(&["queues", "--url", &url.replace("list", "lists")]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.err);
}

#[test]
fn scripts_of_clients_see_their_arguments_and_have_their_limits() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let run = |id: &str, fields: &[&str]| -> Value {
        let _ = site.redis.command(&[&["HSET", &*format!("rhailib:{id}")], fields].concat());
        let _ = site.redis.command(&["LPUSH", "rhailib:worker-1", id]);
        let reply = site.redis.command(&["BLPOP", &format!("rhailib:reply:{id}"), "30"]);
        let json = reply.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{reply}"));
        serde_json::from_str(json).expect("JSON")
    };
    let script = "args.a + args.b";
    let sum = run("job-1", &["script", script, "args", r#"{"a":40,"b":2}"#, "priority", "low"]);
    assert_eq!((&sum["status"], &sum["output"]), (&json!("completed"), &json!("42")), "{sum}");
    let limited = run("job-2", &["script", "loop {}", "limits", r#"{"max_operations":1000}"#]);
    let error = limited["error"].as_str().expect("an error");
    assert!(error.contains("too many operations (limit: 1000)"), "{error}");
    let refused = run("job-3", &["script", "1", "limits", "many"]);
    assert!(refused["error"].as_str().expect("an error").contains("limits: "), "{refused}");
}
