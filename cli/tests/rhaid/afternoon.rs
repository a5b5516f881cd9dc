//! What an operator has to find in an afternoon: each fault, with its cause, by one command.

#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::time::Instant;

use serde_json::Value;

use crate::site::{RunningWorker, Site};
use crate::supervision::child_of;

/// Fails for 9 of the inputs 0 to 299.
const PRICE: &str =
    "if args.article % 33 == 32 { throw `article ${args.article} has no price` } args.article * 2";

/// Has `args.script` run for the inputs 0 to 299, and counts those that failed.
const PRICES: &str = r#"
    let failed = 0;
    for article in 0..300 {
        try { dispatch("worker-1", #{ script: args.script, args: #{ article: article } }) } catch { failed += 1 }
    }
    failed
"#;

#[test]
fn faults_of_an_afternoon_are_each_found_by_one_command() {
    let site = Site::new();
    let mut workers: Vec<_> = (0..3).map(|_| site.worker(&["--allow-host", "127.0.0.1"])).collect();
    a_stuck_task(&site);
    a_script_that_fails_for_some_inputs(&site);
    a_queue_without_workers(&site);
    a_killed_worker(&site, &mut workers);
}

/// Its server accepts the connection and never answers.
fn a_stuck_task(site: &Site) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let cause = Instant::now();
    let id = site.submit(&format!("let orders = 7;\nhttp_get(\"{url}\").body"), &[]);
    let row = row_until(site, "stuck", cause, &["tasks", "--running", "--older", "1s"], |row| {
        row.starts_with(&id) && row.contains("  processing  ")
    });
    let instances = site.json(&["workers"]);
    let is_named = |worker: &Value| row.contains(&text(&worker["instance"])[..8]);
    assert!(instances.iter().any(is_named), "it names the worker: {row}");
    row_until(site, "what the stuck task waits for", cause, &["status", &id], |row| {
        row.starts_with("now ") && row.contains("waits in `http_get`")
    });
    let shown = site.ok(&["status", &id]);
    assert!(shown.contains(&format!(" 2 | http_get(\"{url}\").body")), "{shown}");
    site.ok(&["cancel", &id]);
}

fn a_script_that_fails_for_some_inputs(site: &Site) {
    let script = format!("script={PRICE}");
    let begun = Instant::now();
    let ended = site.run_with(PRICES, &["call", "--worker", "worker-1", "--arg", &script, "-"]);
    assert_eq!((&*ended.out, ended.code), ("9\n", Some(0)), "{}", ended.err);
    tell("300 tasks, of which 9 fail: all ended", begun);
    let cause = Instant::now();
    row_until(site, "a script that fails for 3 %", cause, &["errors"], |row| {
        row.trim_start().starts_with("9  runtime")
    });
    let groups = site.json(&["errors"]);
    let [group] = &groups[..] else { panic!("one cause is one group: {groups:?}") };
    assert_eq!(group["count"], 9, "{group}");
    let example = site.json(&["status", text(&group["taskId"])]).pop().expect("a record");
    let article = example["args"]["article"].as_u64().expect("the input");
    assert_eq!(article % 33, 32, "the example has failed: {example}");
    assert_eq!(group["error"]["message"], format!("article {article} has no price"));
}

fn a_queue_without_workers(site: &Site) {
    let cause = Instant::now();
    let submitted = site.run_with("1", &["submit", "--worker", "wroker-1", "-"]);
    let id = submitted.out.trim_end();
    row_until(site, "a queue that is not served", cause, &["queues"], |row| {
        row.starts_with("wroker-1 ") && row.ends_with("  not served")
    });
    row_until(site, "why a task does not start", cause, &["tasks", "--status", "pending"], |row| {
        row.starts_with(id) && row.ends_with("no worker serves wroker-1")
    });
}

fn a_killed_worker(site: &Site, workers: &mut Vec<RunningWorker>) {
    let id = site.submit("sleep(3600)", &[]);
    let before = site.running(&id);
    let mut ran_it = None;
    site.until("the report of the worker that runs it", || {
        let listed = site.json(&["workers"]);
        ran_it = listed.into_iter().find(|worker| worker["instance"] == before["instance"]);
        ran_it.as_ref().is_some_and(|worker| worker["description"]["pid"].is_u64())
    });
    let pid = ran_it.expect("it is listed")["description"]["pid"].as_u64();
    let index = workers.iter().position(|worker| Some(u64::from(child_of(site, worker.pid(), None))) == pid);
    let cause = Instant::now();
    // SIGKILL. Its child ends with it.
    drop(workers.remove(index.expect("a worker")));
    let row = row_until(site, "a task of a killed worker", cause, &["tasks", "--running"], |row| {
        row.starts_with(&id) && row.ends_with("runs again: 1 worker died with it or gave it up")
    });
    let after = site.running(&id);
    assert_eq!((&after["delivery"], &after["deaths"]), (&2.into(), &1.into()), "{after}");
    assert_ne!(after["instance"], before["instance"], "another worker runs it");
    assert!(row.contains(&text(&after["instance"])[..8]), "{row}");
    site.until("the dead worker is not listed", || {
        let listed = site.json(&["workers"]);
        listed.len() == 2 && listed.iter().all(|worker| worker["instance"] != before["instance"])
    });
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Runs a command until one of its lines satisfies `is_found`, and tells how long after the cause that was.
#[track_caller]
fn row_until(
    site: &Site,
    what: &str,
    cause: Instant,
    args: &[&str],
    is_found: impl Fn(&str) -> bool,
) -> String {
    let mut found = None;
    site.until(what, || {
        found = site.ok(args).lines().find(|row| is_found(row)).map(str::to_owned);
        found.is_some()
    });
    tell(&format!("{what}, by `rhaid {}`", args.join(" ")), cause);
    found.expect("a line")
}

#[expect(clippy::print_stderr, reason = "with --nocapture it tells the time that it has measured")]
fn tell(what: &str, since: Instant) {
    eprintln!("{what}: {:.2?}", since.elapsed());
}
