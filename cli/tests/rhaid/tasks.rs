#![cfg(unix)]

use serde_json::Value;

use crate::site::Site;

/// The ids of the tasks that a command lists.
fn ids(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(|task| task["taskId"].as_str().expect("an id")).collect()
}

#[test]
fn tasks_lists_what_runs_and_waits() {
    let site = Site::new();
    let worker = site.worker(&[]);
    let running = site.submit("print(1); sleep(3600)", &[]);
    site.begun(&running);
    let delayed = site.submit("1", &["--delay", "1h"]);
    let other = site.run_with("2", &["submit", "--worker", "wroker-1", "-"]).out;
    let other = other.trim_end();
    let ended = site.submit("3", &[]);
    site.ok(&["wait", &ended]);

    let is_logged = || site.json(&["activity"]).iter().any(|entry| entry["taskId"] == ended.as_str());
    site.until("the log of what has ended", is_logged);
    let failed = site.submit("throw \"no luck\"", &[]);
    site.until("the log of what has failed", || site.json(&["tasks", "--status", "error"]).len() == 1);

    let listed = site.json(&["tasks"]);
    assert_eq!(ids(&listed), [running.as_str(), delayed.as_str(), other, failed.as_str(), ended.as_str()]);
    assert!(listed[3]["why"].as_str().is_some_and(|why| why.contains("no luck")), "{listed:?}");
    assert_eq!((&listed[0]["status"], &listed[0]["delivery"]), (&"processing".into(), &1.into()));
    let instance = &site.json(&["workers"])[0];
    assert_eq!(listed[0]["instance"], instance["instance"]);
    assert_eq!(listed[0]["host"], instance["description"]["host"]);
    assert_eq!(listed[2]["why"], "no worker serves wroker-1");
    assert!(listed[1]["why"].as_str().is_some_and(|why| why.starts_with("its delay ends at ")), "{listed:?}");

    let only = |args: &[&str]| -> Vec<String> {
        let listed = site.json(&[&["tasks"], args].concat());
        ids(&listed).into_iter().map(str::to_owned).collect()
    };
    assert_eq!(only(&["--running"]), [running.as_str()]);
    assert_eq!(only(&["--status", "processing"]), [running.as_str()]);
    assert_eq!(only(&["--status", "pending"]), [delayed.as_str(), other]);
    assert_eq!(only(&[&format!("task:{delayed}")]), [delayed.as_str()]);
    assert_eq!(only(&["--worker", "wroker-1"]), [other]);
    assert_eq!(only(&["--status", "completed"]), [ended.as_str()]);
    assert_eq!(only(&["--status", "processing", "--status", "error"]), [running.as_str(), &failed]);
    assert_eq!(only(&["\"no luck\""]), [failed.as_str()]);
    assert_eq!(only(&["status:pending", "worker:wroker-1"]), [other]);
    assert_eq!(only(&["slower:1ms", "--status", "processing"]), [running.as_str()]);
    assert_eq!(only(&["--caller", "ann"]), [""; 0]);
    assert_eq!(only(&["--caller", "ann", "--caller", "rhaid", "--running"]), [running.as_str()]);
    assert_eq!(only(&["--older", "1h"]), [""; 0]);
    assert_eq!(only(&["--older", "0s", "--running"]), [running.as_str()]);

    let ended_id = ended;
    let ended = site.run(&["tasks", "--limit", "1"]);
    assert_eq!(ended.code, Some(0));
    let [header, row] = ended.out.lines().collect::<Vec<_>>()[..] else { panic!("{}", ended.out) };
    let columns: Vec<_> = header.split_whitespace().collect();
    let titles = ["ID", "STATUS", "WORKER", "NAME", "CALLER", "AGE", "DELIVERY", "INSTANCE", "HOST", "WHY"];
    assert_eq!(columns, titles);
    for text in [running.as_str(), "processing", "worker-1", "rhaid"] {
        assert!(row.contains(text), "{row}");
    }
    assert!(ended.err.contains("there may be more than 1 such tasks; --limit N"), "{}", ended.err);
    // The note has the place where the list continues.
    let place =
        |err: &str| err.split_once("--after ").and_then(|(_, rest)| Some(rest.split(' ').next()?.to_owned()));
    let (mut listed, mut after) = (Vec::new(), Vec::new());
    loop {
        let page = site.run(
            &[
                &["tasks", "--limit", "1", "--json"][..],
                &after.iter().map(String::as_str).collect::<Vec<_>>(),
            ]
            .concat(),
        );
        let task: Value = serde_json::from_str(page.out.trim()).expect("one task");
        listed.push(task["taskId"].as_str().expect("an id").to_owned());
        let Some(next) = place(&page.err) else { break };
        after = vec!["--after".to_owned(), next];
    }
    assert_eq!(listed, [running.as_str(), &delayed, other, &failed, &ended_id]);
    drop(worker);
}

#[test]
fn wrong_filters_are_refused_with_the_way_out() {
    let site = Site::new();
    for (args, says) in [
        (["--status", "runing"], "use pending, processing, completed, error or cancelled"),
        (["statu:error", "x"], "did you mean `status`?"),
        (["--older", "ten"], "such as 30s"),
        (["--worker", "a b"], "--worker"),
        (["--limit", "0"], "1..=10000"),
        (["--after", "there"], "is not a place in a list of tasks"),
    ] {
        let ended = site.run(&[&["tasks"][..], &args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(says), "{args:?}: {}", ended.err);
    }
}

#[test]
fn misspelt_queue_is_listed_as_not_served_until_its_tasks_have_ended() {
    let site = Site::new();
    let worker = site.worker(&[]);
    let submit = ["submit", "--worker", "wroker-1", "--request-id", "once", "-"];
    let id = site.run_with("1", &submit).out;
    let queues = site.ok(&["queues"]);
    let row = queues.lines().find(|row| row.starts_with("wroker-1")).expect("a row");
    assert!(row.ends_with("not served"), "{row}");
    site.ok(&["cancel", id.trim_end()]);
    let names: Vec<_> = site.json(&["queues"]).iter().map(|queue| queue["workerId"].clone()).collect();
    assert_eq!(names, ["worker-1"]);
    drop(worker);
}

#[test]
fn workers_lists_processes_and_says_which_drain() {
    let site = Site::new();
    let mut worker = site.worker(&["--grace", "1h"]);
    let id = site.submit("print(1); sleep(3600)", &[]);
    site.begun(&id);
    let row = || site.ok(&["workers"]).lines().nth(1).expect("a row").to_owned();
    site.until("the worker's report", || site.json(&["workers"])[0]["description"].is_object());
    let description = site.json(&["workers"])[0]["description"].clone();
    for field in ["host", "pid"] {
        let text = description[field].to_string();
        assert!(row().contains(text.trim_matches('"')), "{field}: {}", row());
    }
    assert!(row().contains(" serving "), "{}", row());
    worker.signal("TERM");
    assert_eq!(worker.event()["event"], "draining");
    site.until("the report that it drains", || row().contains(" draining "));
}

#[test]
fn server_without_an_append_only_file_is_one_warning() {
    let site = Site::new();
    let worker = site.worker(&["--no-supervise"]);
    worker.signal("TERM");
    let err = worker.end().err;
    assert_eq!(err.matches("keeps no append-only file").count(), 1, "{err}");
    assert!(err.contains("`CONFIG SET appendonly yes`"), "{err}");
}
