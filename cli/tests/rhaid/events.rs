use crate::following::Following;
use crate::site::Site;

/// Prints, then waits until a worker for `gate` answers.
const SCRIPT: &str = r#"
    print("begun"); log("warn", "cold"); progress(0.5, "half"); 
    dispatch("gate", "1");
    print("over"); 42
"#;

#[test]
fn call_prints_lines_while_the_script_runs() {
    let site = Site::new();
    let _worker = site.worker(&[]);
    let mut call = Following::start(&site, &["call", "--worker", "worker-1", "--timeout", "2m", "-"], SCRIPT);
    assert_eq!(call.line(), "begun");
    assert_eq!(call.line(), "warn: cold");
    let _gate = site.worker_for("gate", &[]);
    let ended = call.end();
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "42\n", "over"));
}

#[test]
fn tail_follows_a_task_from_its_beginning_to_its_end() {
    let site = Site::new();
    let id = site.submit(SCRIPT, &[]);
    let mut early = Following::start(&site, &["tail", &id], "");
    let _worker = site.worker(&[]);
    let lines = ["begun", "warn: cold", "progress: 50 % half"];
    assert_eq!([early.line(), early.line(), early.line()], lines);
    let mut late = Following::start(&site, &["tail", &id], "");
    assert_eq!([late.line(), late.line(), late.line()], lines);
    let _gate = site.worker_for("gate", &[]);
    for ended in [early.end(), late.end()] {
        assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "42\n", "over"));
    }
    let after = site.run(&["tail", &id]);
    assert_eq!((after.code, &*after.out), (Some(0), "42\n"), "{}", after.err);
    let printed: Vec<_> = after.err.lines().filter(|line| !line.starts_with("progress")).collect();
    assert_eq!(printed, ["begun", "warn: cold", "over"]);
}

#[test]
fn tail_goes_on_with_the_next_start_after_a_worker_died() {
    let site = Site::new();
    let worker = site.worker(&[]);
    let id = site.submit(SCRIPT, &[]);
    let mut tail = Following::start(&site, &["tail", &id], "");
    assert_eq!([tail.line(), tail.line(), tail.line()], ["begun", "warn: cold", "progress: 50 % half"]);
    drop(worker); // killed
    let _worker = site.worker(&[]);
    assert_eq!(tail.line(), "[started again: delivery 2]");
    assert_eq!([tail.line(), tail.line(), tail.line()], ["begun", "warn: cold", "progress: 50 % half"]);
    let _gate = site.worker_for("gate", &[]);
    let ended = tail.end();
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "42\n", "over"));
}

#[test]
fn tail_of_an_unknown_or_failed_task_fails() {
    let site = Site::new();
    let unknown = site.run(&["tail", "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90"]);
    assert_eq!((unknown.code, &*unknown.out), (Some(1), ""), "{}", unknown.err);
    assert!(unknown.err.contains("not known"), "{}", unknown.err);
    let _worker = site.worker(&[]);
    let id = site.submit("print(1); throw `it`", &[]);
    let failed = site.run(&["tail", &id]);
    assert_eq!((failed.code, &*failed.out), (Some(1), ""), "{}", failed.err);
    assert!(failed.err.starts_with("1\nerror[runtime]: it"), "{}", failed.err);
}
