use std::time::Duration;

use super::super::FilterError;
use super::*;
use crate::ActivityError;

const NOW: WallTime = WallTime::from_millis(1_700_000_000_000);

fn parsed(text: &str) -> ActivityFilter {
    ActivityFilter::parse_at(text, NOW).unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> FilterError {
    ActivityFilter::parse_at(text, NOW).expect_err(text)
}

/// A call of `shop.prices.get` that failed ten minutes before now, after 3 s.
fn entry() -> ActivityEntry {
    let worker_id = WorkerId::try_from("billing").expect("an id");
    let ended_at = WallTime::from_millis(NOW.as_millis() - 600_000);
    let mut entry = ActivityEntry::new(TaskId::new(), worker_id, "web", TaskStatus::Error, ended_at);
    entry.method = Some(MethodName::try_from("shop.prices.get").expect("a name"));
    entry.context_id = Some("Ann".into());
    entry.run_time = Some(Duration::from_secs(3));
    entry.error = Some(ActivityError::new(TaskErrorKind::Runtime, "Card 17 DECLINED".into(), Some(2)));
    entry
}

#[test]
fn each_field_picks_entries() {
    let entry = entry();
    let fingerprint = entry.fingerprint().expect("an error").to_string();
    let matching = [
        String::new(),
        "status:error".into(),
        "status:completed status:error".into(),
        "worker:billing".into(),
        "handler:shop.prices method:shop.prices.get".into(),
        "caller:web context:Ann".into(),
        format!("task:{}", entry.task_id),
        "kind:runtime".into(),
        "error:\"card 17 declined\"".into(),
        "error:card error:Declined".into(),
        format!("fingerprint:{fingerprint}"),
        format!("fingerprint:0000 fingerprint:{}", fingerprint[..4].to_uppercase()),
        "since:10m".into(),
        "since:2023-11-14T22:03:20Z".into(),
        "until:9m".into(),
        "until:2023-11-14T22:03:20.001Z since:11m".into(),
        "older:9m".into(),
        "slower:3s".into(),
        "declined".into(),
        "ANN web prices".into(),
        entry.task_id.to_string()[..8].to_owned(),
        "\"17 declined\" runtime".into(),
    ];
    for text in matching {
        assert!(parsed(&text).matches(&entry, NOW), "{text}");
    }
    let other = [
        "status:completed".into(),
        "worker:billing2".into(),
        "handler:shop".into(),
        "handler:shop.prices.get".into(),
        "method:shop.prices".into(),
        "script:shop".into(),
        "caller:we".into(),
        "context:ann".into(),
        format!("task:{}", TaskId::new()),
        "kind:limit".into(),
        "error:runtime".into(),
        "error:card error:accepted".into(),
        "fingerprint:0000".into(),
        "since:9m".into(),
        "until:10m".into(),
        "older:10m".into(),
        "slower:3001ms".into(),
        "declined accepted".into(),
        "status:error worker:other".into(),
    ];
    for text in other {
        assert!(!parsed(&text).matches(&entry, NOW), "{text}");
    }
}

#[test]
fn script_is_found_by_the_end_of_its_path() {
    let mut entry = entry();
    entry.method = None;
    entry.script_name = Some("jobs/daily/report.rhai".into());
    for (text, matches) in [
        ("script:report.rhai", true),
        ("script:daily/report.rhai", true),
        ("script:jobs/daily/report.rhai", true),
        ("script:port.rhai", false),
        ("script:report", false),
    ] {
        assert_eq!(parsed(text).matches(&entry, NOW), matches, "{text}");
    }
}

#[test]
fn entry_without_a_run_is_not_slow() {
    let mut entry = entry();
    entry.run_time = None;
    entry.error = None;
    assert!(!parsed("slower:1ms").matches(&entry, NOW));
    assert!(!parsed("error:x").matches(&entry, NOW));
    assert!(!parsed("fingerprint:0000").matches(&entry, NOW));
}

#[test]
fn error_points_at_the_part_that_is_wrong() {
    let unknown = error("worker:a statu:error");
    assert_eq!(
        unknown.to_string(),
        "filter, column 10: `statu` is not a field; did you mean `status`? The fields are status, worker, handler, method, \
         script, caller, context, task, kind, error, fingerprint, since, until, older, slower\n  worker:a statu:error\n  \
         \x20        ^^^^^"
    );
    for (text, column, width, problem) in [
        ("http://x", 1, 4, "`http` is not a field"),
        ("status:bad", 8, 3, "\"bad\" is not a status"),
        ("status:processing", 8, 10, "the activity has no tasks that are processing"),
        ("a worker:", 10, 1, "`worker` has no value"),
        ("worker:all", 8, 3, "\"all\" is a reserved word"),
        ("method:a..b", 8, 4, "has a dot without a name"),
        ("task:17", 6, 2, "\"17\" is not a UUID"),
        ("kind:bad", 6, 3, "\"bad\" is not a kind of error"),
        ("ä \"no end", 3, 7, "the quotation does not end"),
        ("\"\"", 1, 2, "the text is empty"),
        ("fingerprint:xyz1", 13, 4, "is not the beginning of a fingerprint"),
        ("fingerprint:abc", 13, 3, "is not the beginning of a fingerprint"),
        ("since:soon", 7, 4, "\"soon\" is not a time"),
        ("since:2023-11-99", 7, 10, "is not a time"),
        ("until:2023-11-14T22:13:20.001Z", 7, 24, "is in the future: it is 2023-11-14T22:13:20.000Z now"),
        ("since:1h since:2h", 16, 2, "`since` is there twice"),
        ("until:1h older:2h", 16, 2, "the end of the time is there twice"),
        ("since:1h until:2h", 16, 2, "the time ends before it begins"),
        ("slower:fast", 8, 4, "\"fast\" is not a duration"),
        ("older:2023-11-14T22:13:20Z", 7, 20, "is not a duration"),
    ] {
        let error = error(text);
        assert_eq!((error.column, error.width), (column, width), "{text}: {error}");
        assert!(error.problem.contains(problem), "{text}: {error}");
        assert!(!error.hint.is_empty(), "{text}: {error}");
    }
}

#[test]
fn filter_that_is_too_long_is_not_read() {
    let long = error(&"x".repeat(1_025));
    assert_eq!(long.to_string(), "filter, column 1: it has 1025 bytes; a filter has at most 1024 bytes");
    parsed(&"x".repeat(1_024));
}

#[test]
fn text_of_an_error_has_one_line() {
    let error = error("a\nstatus:x");
    assert_eq!(error.marked(), "a status:x\n         ^");
}
