//! Where a running task is, and what subscribers see who come late or lose their connection.

use rhai_dispatcher_test_redis::FaultyProxy;
use serde_json::Value;

use crate::following::Following;
use crate::site::Site;

#[test]
fn status_shows_where_a_running_task_is() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let id = site.submit("print(`begun`);\nsleep(600)", &[]);
    let record = site.record(&id, |record| record["run"]["activity"]["kind"] == "waiting");
    let run = &record["run"];
    assert_eq!((&run["activity"]["call"], &run["place"]["line"]), (&"sleep".into(), &2.into()), "{record}");
    assert_eq!((&run["taskId"], &record["status"]), (&id.as_str().into(), &"processing".into()));
    assert!(run["memory"].as_u64() > Some(0) && run["runningForMs"].is_u64(), "{record}");

    let shown = site.ok(&["status", &id]);
    assert!(shown.contains("now         waits in `sleep`, for "), "{shown}");
    assert!(shown.contains(":2:1\n   |\n 2 | sleep(600)\n   | ^\n"), "{shown}");
    site.ok(&["cancel", &id]);
    let ended = site.record(&id, |record| record["status"] == "cancelled");
    assert_eq!((&ended["run"], &ended["runError"]), (&Value::Null, &Value::Null));
}

#[test]
fn status_of_a_task_whose_worker_is_suspended_says_so() {
    let site = Site::new();
    let worker = site.worker(&["--no-supervise"]);
    let id = site.submit("sleep(600)", &[]);
    site.record(&id, |record| record["run"]["activity"]["kind"] == "waiting");
    worker.signal("STOP");
    let record = site.json(&["status", &id]).pop().expect("a record");
    worker.signal("CONT");
    assert_eq!((&record["status"], &record["run"]), (&"processing".into(), &Value::Null), "{record}");
    assert!(
        record["runError"].as_str().expect("a reason").contains("did not say where it is within 1s"),
        "{record}"
    );
}

#[test]
fn late_tail_has_the_latest_progress_behind_many_lines() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let script = "progress(0.3, `a third`); for i in 0..3_000 { print(i); } dispatch(`gate`, `1`); 42";
    let id = site.submit(script, &[]);
    // The first one may be late, too: the script prints its lines while the process of the command starts.
    let caught_up = || {
        let mut tail = Following::start(&site, &["tail", &id], "");
        let mut lines = vec![tail.line()];
        let has = |lines: &[String], wanted: &str| lines.iter().any(|line| line == wanted);
        while !(has(&lines, "2999") && has(&lines, "progress: 30 % a third")) {
            lines.push(tail.line());
        }
        (tail, lines.len())
    };
    let (first, _) = caught_up();
    let (late, lines) = caught_up();
    assert!(lines < 1_500, "the oldest lines are not kept");
    let _gate = site.worker_for("gate", &[]);
    for tail in [first, late] {
        let ended = tail.end();
        assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "42\n", ""));
    }
}

#[test]
fn tail_continues_after_its_connection_broke() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let script =
        "for n in 1..=3 { print(n); progress(n / 4.0, `part ${n}`); dispatch(`gate-${n}`, `1`); } 42";
    let id = site.submit(script, &[]);
    let proxy = FaultyProxy::start(site.redis.port());
    let mut tail = Following::start(&site, &["tail", "--url", &proxy.url(), &id], "");
    let mut gates = Vec::new();
    for (n, percent) in [(1, 25), (2, 50), (3, 75)] {
        assert_eq!(tail.line(), n.to_string());
        assert_eq!(tail.line(), format!("progress: {percent} % part {n}"));
        proxy.cut();
        gates.push(site.worker_for(&format!("gate-{n}"), &[]));
    }
    let ended = tail.end();
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "42\n", ""));
}

#[test]
fn tail_of_a_task_whose_record_has_gone_fails() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let id = site.submit("print(1); 42", &[]);
    site.record(&id, |record| record["status"] == "completed");
    assert_eq!(site.redis.command(&["DEL", &format!("rhailib:{id}")]), ":1\r\n");
    for command in ["tail", "status"] {
        let gone = site.run(&[command, &id]);
        assert_eq!((gone.code, &*gone.out), (Some(1), ""), "{}", gone.err);
        assert!(gone.err.contains("is not known"), "{}", gone.err);
    }
}
