//! `Consumer::report` and `Transport::figures`

use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{
    Added, Consumer, Counters, Histogram, InstanceInfo, InstanceReport, MethodFigures, Reported,
};

use crate::Environment;
use crate::stage::{Stage, worker};

/// A report of that number that says nothing else.
fn report(sequence: u64) -> InstanceReport {
    let mut report = InstanceReport::default();
    report.sequence = sequence;
    report
}

/// What two runs add that took 3 ms each; the first has failed.
fn counters() -> Counters {
    let mut counters = Counters::default();
    (counters.completed, counters.errors, counters.micros) = (1, 1, 6_000);
    counters.times.add(Histogram::bucket_of(3_000), 2);
    counters
}

/// A report that adds two runs of a method.
fn adding(sequence: u64, name: &str) -> InstanceReport {
    let mut report = report(sequence);
    report.added.push(Added { name: name.into(), counters: counters(), idle_for: Duration::ZERO });
    report
}

async fn send(consumer: &Arc<dyn Consumer>, report: &InstanceReport) -> Reported {
    consumer.report(report).await.expect("a report")
}

async fn figures(stage: &Stage<'_>, worker_id: &str) -> Vec<MethodFigures> {
    stage.transport.figures(&worker(worker_id)).await.expect("figures")
}

/// The names and how many runs each has.
async fn calls(stage: &Stage<'_>, worker_id: &str) -> Vec<(String, u64)> {
    let figures = figures(stage, worker_id).await;
    figures.iter().map(|figures| (figures.name.to_string(), figures.counters.calls())).collect()
}

pub(crate) async fn report_describes_the_instance(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (consumer, _other) = (stage.attach().await, stage.attach().await);
    let info = async || -> InstanceInfo {
        let infos = stage.transport.instances(None).await.expect("instances");
        assert_eq!(infos.len(), 2);
        infos.into_iter().find(|info| info.instance == consumer.instance()).expect("it is listed")
    };
    let text = |info: &InstanceInfo| info.description.as_ref().map(|text| text.as_str().to_owned());
    let before = info().await;
    assert_eq!((text(&before), before.started_at, before.in_flight.len()), (None, None, 0));
    assert_eq!(send(&consumer, &report(1)).await, Reported { has_description: false });

    let mut first = report(2);
    first.description = Some(r#"{"host":"a \"b\" ä"}"#.into());
    first.uptime = Duration::from_secs(60);
    first.in_flight.insert("a.b".into(), 3);
    assert_eq!(send(&consumer, &first).await, Reported { has_description: true });
    let listed = info().await;
    assert_eq!(text(&listed).as_deref(), Some(r#"{"host":"a \"b\" ä"}"#));
    assert_eq!(listed.in_flight.get("a.b"), Some(&3));

    let mut second = report(3);
    second.in_flight.insert("a.c".into(), 1);
    assert_eq!(send(&consumer, &second).await, Reported { has_description: true });
    let after = info().await;
    assert_eq!((text(&after), after.started_at), (text(&listed), listed.started_at));
    assert_eq!(after.in_flight.into_iter().collect::<Vec<_>>(), [("a.c".into(), 1)]);
}

pub(crate) async fn report_counts_once(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (one, other) = (stage.attach().await, stage.attach().await);
    let elsewhere = stage.attach_to("other").await;
    assert_eq!(figures(&stage, "main").await, []);
    send(&one, &adding(1, "a.b")).await;
    send(&one, &adding(1, "a.b")).await;
    send(&one, &adding(2, "a.c")).await;
    send(&one, &adding(1, "a.b")).await;
    send(&other, &adding(1, "a.b")).await;
    send(&elsewhere, &adding(1, "a.b")).await;
    let found = figures(&stage, "main").await;
    let mut twice = counters();
    twice.add(&counters());
    assert_eq!(found.iter().map(|figures| &*figures.name).collect::<Vec<_>>(), ["a.b", "a.c"], "by name");
    assert_eq!((&found[0].counters, &found[1].counters), (&twice, &counters()));
    assert_eq!(calls(&stage, "other").await, [("a.b".to_owned(), 2)]);
}

pub(crate) async fn figures_outlive_their_instance(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let (leaver, doomed) = (stage.attach().await, stage.attach().await);
    send(&leaver, &adding(1, "a.b")).await;
    send(&doomed, &adding(1, "a.b")).await;
    leaver.detach().await.expect("a detach");
    stage.kill(doomed);
    stage.until(&[], async || stage.transport.instances(None).await.expect("instances").is_empty()).await;
    let next = stage.attach().await;
    send(&next, &adding(1, "a.b")).await;
    assert_eq!(calls(&stage, "main").await, [("a.b".to_owned(), 6)]);
}

pub(crate) async fn figures_are_bounded(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_max_figures(2)).await;
    let consumer = stage.attach().await;
    for (sequence, name) in (1..).zip(["a.1", "a.2", "a.3", "a.4", "a.1", InstanceReport::OTHER]) {
        send(&consumer, &adding(sequence, name)).await;
    }
    let expected = [(InstanceReport::OTHER, 6), ("a.1", 4), ("a.2", 2)];
    assert_eq!(calls(&stage, "main").await, expected.map(|(name, calls)| (name.to_owned(), calls)));
}

pub(crate) async fn figures_have_their_last_activity(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let ago = Duration::from_secs(10);
    let last = async |sequence, idle_for| {
        let mut report = adding(sequence, "a.b");
        report.added[0].idle_for = idle_for;
        send(&consumer, &report).await;
        figures(&stage, "main").await[0].last_activity
    };
    let first = last(1, ago).await;
    let submitted = stage.submit_any().await;
    // Times are whole milliseconds.
    let rounding = Duration::from_millis(2);
    assert!(stage.details(submitted).await.created_at - first >= ago - rounding);
    assert_eq!(last(2, Duration::from_secs(60 * 60)).await, first, "an earlier one changes nothing");
    assert!(last(3, Duration::ZERO).await - first >= ago - rounding);
}
