#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::site::{RunningWorker, Site};

/// Waits until a process has a child other than `last`, and returns the child's process id.
#[track_caller]
pub(crate) fn child_of(site: &Site, parent: u32, last: Option<u32>) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let mut child = None;
    site.until("a child process", || {
        let children = fs::read_to_string(&path).expect("the parent lives");
        child = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
        child.is_some() && child != last
    });
    child.expect("a child")
}

pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

pub(crate) fn lives(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// Waits until the task has started more often than in `before`, and returns its record.
#[track_caller]
fn started_again(site: &Site, id: &str, before: &Value) -> Value {
    site.record(id, |record| {
        record["status"] == "processing" && record["delivery"].as_u64() > before["delivery"].as_u64()
    })
}

/// Waits for the child that replaces `last`, and for the line that says that it serves.
#[track_caller]
fn restarted(site: &Site, worker: &mut RunningWorker, last: u32) -> u32 {
    let child = child_of(site, worker.pid(), Some(last));
    assert_eq!(worker.event()["event"], "serving");
    child
}

#[test]
fn killed_child_is_restarted_and_sleeping_scripts_are_not_blamed() {
    let site = Site::new();
    let mut worker = site.worker(&[]);
    let ids: Vec<_> = (0..20).map(|_| site.submit("sleep(3600)", &[])).collect();
    let before: Vec<_> = ids.iter().map(|id| site.running(id)).collect();
    let child = child_of(&site, worker.pid(), None);

    signal(child, "KILL");
    restarted(&site, &mut worker, child);
    for (id, before) in ids.iter().zip(&before) {
        let after = started_again(&site, id, before);
        assert_ne!(after["instance"], before["instance"]);
        assert_eq!((&after["delivery"], &after["deaths"]), (&json!(2), &json!(0)), "{after}");
    }
    worker.signal("TERM");
    assert_eq!(worker.event()["event"], "draining");
    // The scripts sleep for longer than the grace period.
    worker.signal("TERM");
    let ended = worker.end();
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    for says in
        ["the worker process has died", "signal: 9", "the worker process is started again", "released=20"]
    {
        assert!(ended.err.contains(says), "{says}: {}", ended.err);
    }
}

/// Waits until the only lane of a new worker has used more processor time than the start of tasks takes.
#[track_caller]
fn lane_computes(site: &Site, worker: u32) {
    /// In ticks of 10 ms of processor time.
    const LONG: u64 = 100;
    let ticks = || {
        let threads = fs::read_dir(format!("/proc/{worker}/task")).into_iter().flatten().flatten();
        let read =
            |thread: fs::DirEntry, file| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let stat = threads.map(|thread| read(thread, "stat")).find(|stat| stat.contains("(rhai-lane-0)"));
        stat.and_then(|stat| stat.rsplit(") ").next()?.split(' ').nth(11)?.parse::<u64>().ok()).unwrap_or(0)
    };
    site.until("a lane that computes", || ticks() >= LONG);
}

#[test]
fn task_that_kills_its_process_ends_as_crashed_and_all_others_continue() {
    let site = Site::new();
    let limits = ["--limit", "max_cpu_time=1h", "--limit", "max_operations=1000000000000"];
    let worker = site.worker(&limits);
    let others: Vec<_> = (0..20).map(|_| site.submit("sleep(3600)", &[])).collect();
    others.iter().for_each(|id| drop(site.running(id)));
    let burner = site.submit("loop { }", &[]);
    let mut last = None;
    for start in 1..=3 {
        let record =
            site.record(&burner, |record| record["status"] == "processing" && record["delivery"] == start);
        assert_eq!(record["deaths"], start - 1, "{record}");
        let child = child_of(&site, worker.pid(), last);
        lane_computes(&site, child);
        signal(child, "ABRT");
        last = Some(child);
    }
    let record = site.record(&burner, |record| record["status"] == "error");
    assert_eq!(record["error"]["kind"], "crashed", "{record}");
    for id in others {
        let record = site.running(&id);
        assert_eq!(record["deaths"], 0, "{record}");
    }
}

#[test]
fn the_child_ends_with_its_parent() {
    let site = Site::new();
    let worker = site.worker(&[]);
    let child = child_of(&site, worker.pid(), None);
    // Also a child that SIGSTOP has stopped.
    signal(child, "STOP");
    worker.signal("KILL");
    site.until("the end of the child", || !lives(child));
}

#[test]
fn a_stopped_parent_stops_no_script() {
    let site = Site::new();
    let worker = site.worker(&[]);
    worker.signal("STOP");
    assert_eq!(site.run_with("40 + 2", &["call", "--worker", "worker-1", "-"]).out, "42\n");
    worker.signal("CONT");
    worker.signal("TERM");
    assert_eq!(worker.end().code, Some(0));
}

#[test]
fn a_signal_to_both_processes_drains_once() {
    let site = Site::new();
    let mut worker = site.worker(&["--grace", "1m"]);
    let id = site.submit("print(1); sleep(1); \"done\"", &[]);
    site.begun(&id);
    // A service manager signals all processes of a service like this.
    signal(child_of(&site, worker.pid(), None), "TERM");
    worker.signal("TERM");
    assert_eq!(worker.event()["event"], "draining");
    assert_eq!(worker.event()["event"], "drained");
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(site.ok(&["wait", &id]), "done\n");
}

#[test]
fn a_child_that_dies_while_it_drains_is_reported_and_not_restarted() {
    let site = Site::new();
    let mut worker = site.worker(&["--grace", "1h"]);
    let id = site.submit("print(1); sleep(3600)", &[]);
    site.begun(&id);
    let child = child_of(&site, worker.pid(), None);
    worker.signal("TERM");
    assert_eq!(worker.event()["event"], "draining");
    signal(child, "KILL");
    let ended = worker.end();
    assert_eq!(ended.code, Some(128 + 9), "{}", ended.err);
    assert!(!ended.err.contains("started again"), "{}", ended.err);
    let record = site.record(&id, |_| true);
    assert_eq!((&record["status"], &record["deaths"]), (&json!("pending"), &json!(0)), "{record}");
}

#[test]
fn a_child_comes_back_when_the_server_does() {
    let mut site = Site::new();
    let mut worker = site.worker(&[]);
    let child = child_of(&site, worker.pid(), None);
    site.redis.kill();
    signal(child, "KILL");
    // At least one fails to attach.
    let next = child_of(&site, worker.pid(), Some(child));
    site.until("a child that found no server", || !lives(next));
    site.redis.restart();
    let mut line = worker.event();
    while line["error"]["kind"] == "server" {
        line = worker.event();
    }
    assert_eq!(line["event"], "serving", "{line}");
    assert_eq!(site.run_with("40 + 2", &["call", "--worker", "worker-1", "-"]).out, "42\n");
}

#[test]
fn error_at_the_start_ends_the_command() {
    let site = Site::new();
    let worker = ["worker", "--id", "worker-1"];
    let secret = site.run(&[&worker[..], &["--secret", "NO_SUCH_VARIABLE"]].concat());
    let closed = site.run(&[&worker[..], &["--url", "redis://127.0.0.1:1/"]].concat());
    let alone = site.run(&[&worker[..], &["--url", "redis://127.0.0.1:1/", "--no-supervise"]].concat());
    assert_eq!((secret.code, closed.code, alone.code), (Some(2), Some(3), Some(3)));
    for ended in [&secret, &closed, &alone] {
        assert_eq!(ended.err.matches("error: ").count(), 1, "{}", ended.err);
        assert!(!ended.err.contains("started again"), "{}", ended.err);
    }
}

#[test]
fn without_a_supervisor_there_is_one_process() {
    let site = Site::new();
    let worker = site.worker(&["--no-supervise"]);
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", worker.pid()));
    assert_eq!(children.expect("it lives"), "");
    worker.signal("TERM");
    assert_eq!(worker.end().code, Some(0));
}

#[test]
fn the_child_is_listed_as_its_program() {
    let site = Site::new();
    let worker = site.worker(&[]);
    let child = child_of(&site, worker.pid(), None);
    let name = fs::read_to_string(Path::new("/proc").join(child.to_string()).join("comm")).expect("it lives");
    assert_eq!(name, "rhaid\n");
}
