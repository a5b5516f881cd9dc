use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::site::{RunningWorker, Site};

/// A site where two scripts have failed with one cause, and one has completed.
fn site_with_ends() -> Site {
    let site = Site::new();
    let worker = site.worker(&[]);
    for script in ["throw `card 17 was declined`", "40 + 2", "throw `card 4 was declined`"] {
        site.run_with(script, &["call", "--worker", "worker-1", "-"]);
    }
    drain(worker);
    site
}

/// After it all that has ended is logged.
fn drain(worker: RunningWorker) {
    worker.signal("TERM");
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn activity_lists_ends_newest_first() {
    let site = site_with_ends();
    let all = site.run(&["activity"]);
    assert_eq!(all.code, Some(0), "{}", all.err);
    let lines: Vec<_> = all.out.lines().collect();
    assert!(lines[0].starts_with("ENDED") && lines[0].ends_with("REASON"), "{}", all.out);
    assert!(
        lines[1].contains("  error ") && lines[1].ends_with("runtime: card 4 was declined"),
        "{}",
        all.out
    );
    assert!(lines[2].contains("  completed ") && lines[2].contains("worker-1"), "{}", all.out);
    assert_eq!(lines.len(), 4, "{}", all.out);

    let failed = site.run(&["activity", "--failed", "--since", "1h", "--limit", "1", "--json", "declined"]);
    let entry: Value = serde_json::from_str(failed.out.trim()).expect("one line of JSON");
    assert_eq!((&entry["status"], &entry["workerId"]), (&"error".into(), &"worker-1".into()));
    assert_eq!(entry["error"]["message"], "card 4 was declined");
    assert!(entry["runTime"].as_f64().is_some_and(|seconds| seconds > 0.0), "{entry}");
    let none = site.run(&["activity", "worker:another"]);
    assert_eq!((none.code, none.out.lines().count()), (Some(0), 1), "{}", none.out);
}

#[test]
fn followed_activity_has_the_last_ends_and_then_each_new_one() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let call = |script: &str| drop(site.run_with(script, &["call", "--worker", "worker-1", "-"]));
    call("throw `card 1 was declined`");
    call("40 + 2");
    call("throw `card 2 was declined`");
    site.until("the log of three ends", || site.json(&["activity"]).len() == 3);

    let mut child =
        site.command(&["activity", "--follow", "--failed", "--json"]).spawn().expect("rhaid runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("UTF-8");
        assert!(child.try_wait().expect("its state").is_none(), "it has ended after {line}");
        serde_json::from_str(&line).expect("JSON")
    };
    let message = |entry: Value| entry["error"]["message"].as_str().expect("a message").to_owned();
    assert_eq!(message(next()), "card 1 was declined", "the oldest first");
    assert_eq!(message(next()), "card 2 was declined");
    call("43");
    for number in 3..6 {
        call(&format!("throw `card {number} was declined`"));
        assert_eq!(message(next()), format!("card {number} was declined"), "and none twice");
    }
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
}

#[test]
fn activity_of_no_worker_id_is_not_followed() {
    let site = Site::new();
    let none = site.run(&["activity", "--follow"]);
    assert_eq!(none.code, Some(2), "{}", none.err);
    assert!(none.err.contains("no worker id is in use yet"), "{}", none.err);
}

#[test]
fn errors_of_one_cause_are_one_line() {
    let site = site_with_ends();
    let errors = site.run(&["errors"]);
    assert_eq!((errors.code, errors.out.lines().count()), (Some(0), 2), "{}", errors.out);
    let line = errors.out.lines().nth(1).expect("a line");
    assert!(line.trim_start().starts_with("2  runtime") && line.ends_with("card 4 was declined"), "{line}");
    let fingerprint = line.split_whitespace().nth(2).expect("a fingerprint");
    let entries = site.run(&["activity", &format!("fingerprint:{fingerprint}")]);
    assert_eq!(entries.out.lines().count(), 3, "{}", entries.out);
    let group: Value = serde_json::from_str(site.run(&["errors", "--json"]).out.trim()).expect("JSON");
    assert_eq!((&group["count"], &group["error"]["kind"]), (&2.into(), &"runtime".into()));
}

#[test]
fn filter_that_is_wrong_is_underlined() {
    let site = Site::new();
    let wrong = site.run(&["activity", "worker:a", "statu:error"]);
    assert_eq!((wrong.code, &*wrong.out), (Some(2), ""), "{}", wrong.err);
    assert!(wrong.err.contains("did you mean `status`?"), "{}", wrong.err);
    assert!(wrong.err.contains("\n  worker:a statu:error\n           ^^^^^"), "{}", wrong.err);
    let future = site.run(&["errors", "--since", "2999-01-01T00:00:00Z"]);
    assert_eq!(future.code, Some(2), "{}", future.err);
    assert!(future.err.contains("is in the future"), "{}", future.err);
}

#[test]
fn worker_without_activity_logs_nothing() {
    let site = Site::new();
    let worker = site.worker(&["--no-activity"]);
    site.run_with("1", &["call", "--worker", "worker-1", "-"]);
    drain(worker);
    assert_eq!(site.run(&["activity", "--json"]).out, "");
}
