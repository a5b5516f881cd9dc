#![cfg(unix)]

use serde_json::json;

use crate::site::Site;

#[test]
fn a_signal_drains_a_worker_and_hands_its_tasks_to_another() {
    for signal in ["TERM", "INT"] {
        let site = Site::new();
        let mut first = site.worker(&["--grace", "0s"]);
        let id = site.submit("sleep(3600)", &[]);
        let before = site.running(&id);
        assert_eq!(before["delivery"], 1);

        first.signal(signal);
        assert_eq!(first.event()["event"], "draining");
        assert_eq!(
            first.event(),
            json!({"event": "drained", "workerId": "worker-1", "abandoned": 0, "released": 1})
        );
        let ended = first.end();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.err.ends_with("drained: released 1 task to other workers\n"), "{}", ended.err);
        assert!(!ended.err.contains("was lost"), "{}", ended.err);
        assert_eq!(site.record(&id, |_| true)["status"], "pending");
        assert_eq!(site.json(&["workers"]), [json!(null); 0]);

        let _second = site.worker(&[]);
        let after = site.running(&id);
        assert_ne!(after["instance"], before["instance"]);
        assert_eq!((&after["delivery"], &after["deaths"]), (&json!(1), &json!(0)));
    }
}

#[test]
fn a_script_that_ends_within_the_grace_period_has_its_outcome() {
    let site = Site::new();
    let mut worker = site.worker(&["--grace", "1m"]);
    let id = site.submit("print(1); sleep(1); \"done\"", &[]);
    site.begun(&id);
    worker.signal("TERM");
    assert_eq!(worker.event()["event"], "draining");
    assert_eq!(worker.event()["event"], "drained");
    assert_eq!(worker.end().code, Some(0));
    assert_eq!(site.ok(&["wait", &id]), "done\n");
}

#[test]
fn a_second_signal_ends_a_worker_at_once() {
    let site = Site::new();
    let mut worker = site.worker(&["--grace", "1h"]);
    let id = site.submit("print(1); sleep(3600)", &[]);
    site.begun(&id);
    worker.signal("TERM");
    assert_eq!(worker.event()["event"], "draining");
    worker.signal("TERM");
    assert_eq!(worker.end().code, Some(130));
}

#[test]
fn a_worker_says_on_standard_error_what_it_serves() {
    let site = Site::with_password("geheim");
    let worker = site.worker(&[]);
    worker.signal("TERM");
    let err = worker.end().err;
    let line = format!("serving worker-1 from {} on 1 thread;", site.url().replace("geheim", "***"));
    assert!(err.contains(&line), "{err}");
    assert!(err.contains("INFO rhai_dispatcher_core"), "{err}");
    assert!(!err.contains("geheim"), "{err}");
}
