use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::executor::block_on;
use futures::stream::{self, BoxStream};
use futures::task::noop_waker_ref;

use super::*;
use crate::worker::{Ran, StopToken};
use crate::{
    Claim, Claimed, Clock, Completion, Consumer, Finished, HandlerInfo, HandlerType, InstanceId,
    InstanceReport, ManualClock, MethodName, Outcome, Payload, Reported, Signal, TaskError, TaskErrorKind,
    TaskLog, TransportError,
};

/// Notes reports, and answers as it is told: as a transport does that has a description, unless told otherwise.
#[derive(Default)]
struct Noting {
    reports: Mutex<Vec<InstanceReport>>,
    answers: Mutex<VecDeque<Option<bool>>>,
}

#[async_trait]
impl Consumer for Noting {
    fn instance(&self) -> InstanceId {
        InstanceId::new()
    }
    fn lease(&self) -> Duration {
        Duration::from_secs(3)
    }
    async fn claim(&self, _: NonZeroUsize) -> Result<Vec<Claimed>, TransportError> {
        Err(TransportError::Detached)
    }
    async fn finish(&self, _: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        Vec::new()
    }
    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        Ok(Vec::new())
    }
    async fn report(&self, report: &InstanceReport) -> Result<Reported, TransportError> {
        self.reports.lock().expect("no panic").push(report.clone());
        match self.answers.lock().expect("no panic").pop_front().unwrap_or(Some(true)) {
            Some(has_description) => Ok(Reported { has_description }),
            None => Err(TransportError::Unavailable(Arc::new(std::fmt::Error))),
        }
    }
    fn signals(&self) -> BoxStream<'static, Signal> {
        stream::pending().boxed()
    }
    async fn detach(&self) -> Result<(), TransportError> {
        Ok(())
    }
}

/// Methods that begin with `a.`; the version changes when a test says so.
#[derive(Debug)]
struct Methods(Mutex<u64>);

impl MethodSource for Methods {
    fn handlers(&self) -> Vec<HandlerInfo> {
        let version = *self.0.lock().expect("no panic");
        vec![HandlerInfo::new(format!("version-{version}"), HandlerType::Native)]
    }
    fn has(&self, method: &MethodName) -> bool {
        method.as_str().starts_with("a.")
    }
    fn poll_changed(&self, seen: u64, _: &mut Context<'_>) -> Poll<u64> {
        let version = *self.0.lock().expect("no panic");
        if version == seen { Poll::Pending } else { Poll::Ready(version) }
    }
}

struct Fixture {
    consumer: Arc<Noting>,
    methods: Arc<Methods>,
    clock: ManualClock,
    lanes: Vec<LaneFigures>,
    reports: Reports,
}

impl Fixture {
    fn new(lanes: usize) -> Self {
        let (consumer, clock) = (Arc::new(Noting::default()), ManualClock::new());
        let methods = Arc::new(Methods(Mutex::new(1)));
        let config = FiguresConfig::default();
        let figures = CallFigures::new(methods.clone(), config.max_figures, lanes);
        let of_reports = Some(Arc::clone(&figures));
        let reports = Reports::new(
            consumer.clone(),
            Arc::new(clock.clone()),
            config,
            lanes,
            Some(methods.clone()),
            of_reports,
        );
        let lanes = (0..lanes).map(|lane| LaneFigures::new(Arc::clone(&figures), lane)).collect();
        Self { consumer, methods, clock, lanes, reports }
    }

    fn begin(&mut self, lane: usize, method: &str) -> CallMark {
        let payload = Payload::Call { method: MethodName::try_from(method).expect("a name") };
        let clock = self.clock.clone();
        self.lanes[lane].begin(&payload, || clock.now()).expect("a call")
    }

    fn end(&self, lane: usize, mark: CallMark) {
        let error = TaskError::new(TaskErrorKind::Runtime, "no");
        let ran = Ran::Finished(Outcome::Error(error), TaskLog::new());
        self.lanes[lane].end(mark, &ran, &StopToken::new(), self.clock.now());
    }

    fn call(&mut self, lane: usize, method: &str) {
        let mark = self.begin(lane, method);
        self.clock.advance(Duration::from_millis(3));
        self.end(lane, mark);
    }

    fn poll(&mut self) {
        self.reports.poll(&mut Context::from_waker(noop_waker_ref()));
    }

    /// What a renewal leads to.
    fn renewed(&mut self) -> Vec<InstanceReport> {
        self.reports.renewed();
        self.poll();
        self.sent()
    }

    fn sent(&self) -> Vec<InstanceReport> {
        std::mem::take(&mut *self.consumer.reports.lock().expect("no panic"))
    }

    fn answer(&self, answer: Option<bool>) {
        self.consumer.answers.lock().expect("no panic").push_back(answer);
    }
}

/// The method and calls of each addition.
fn added(report: &InstanceReport) -> Vec<(String, u64)> {
    report.added.iter().map(|added| (added.name.to_string(), added.counters.calls())).collect()
}

#[test]
fn report_is_sent_again_as_it_was_until_it_is_answered() {
    let mut fixture = Fixture::new(2);
    fixture.poll();
    assert_eq!(fixture.sent().len(), 1, "at the start");
    fixture.call(0, "a.b");
    fixture.call(1, "a.b");
    fixture.answer(None);
    let first = fixture.renewed();
    assert_eq!((first.len(), first[0].sequence, added(&first[0])), (1, 2, vec![("a.b".to_owned(), 2)]));
    assert_eq!(first[0].added[0].counters.micros, 6_000);
    fixture.call(0, "a.b");
    fixture.answer(None);
    assert_eq!(fixture.renewed(), first);
    assert_eq!(fixture.renewed(), first);
    let next = fixture.renewed();
    assert_eq!((next[0].sequence, added(&next[0])), (3, vec![("a.b".to_owned(), 1)]));
    assert_eq!(fixture.renewed(), [], "there is nothing to say");
}

#[test]
fn description_is_sent_when_it_changes_or_is_missing() {
    let mut fixture = Fixture::new(1);
    fixture.poll();
    let described = |reports: &[InstanceReport]| -> Vec<bool> {
        reports.iter().map(|report| report.description.is_some()).collect()
    };
    assert_eq!(described(&fixture.sent()), [true]);
    *fixture.methods.0.lock().expect("no panic") = 2;
    fixture.poll();
    let changed = fixture.sent();
    assert!(changed[0].description.as_ref().is_some_and(|text| text.contains("version-2")));
    let mut repeated = Vec::new();
    fixture.answer(Some(false));
    while repeated.is_empty() {
        repeated = fixture.renewed(); // at the tenth
    }
    assert_eq!(described(&repeated), [false]);
    assert_eq!(described(&fixture.renewed()), [true], "the transport had none");
}

#[test]
fn draining_is_said_at_once_and_not_after_the_end() {
    let mut fixture = Fixture::new(1);
    fixture.poll();
    let says = |reports: &[InstanceReport]| -> Vec<bool> {
        let text = |report: &InstanceReport| report.description.clone().expect("a description");
        reports.iter().map(|report| text(report).contains(r#""draining":true"#)).collect()
    };
    assert_eq!(says(&fixture.sent()), [false]);
    fixture.answer(None);
    fixture.reports.drain();
    fixture.poll();
    assert_eq!(says(&fixture.sent()), [true]);
    let consumer = Arc::clone(&fixture.consumer);
    block_on(fixture.reports.finish());
    assert_eq!(consumer.reports.lock().expect("no panic").len(), 1, "it is sent once more at most");
}

#[test]
fn calls_in_flight_are_reported_until_none_is() {
    let mut fixture = Fixture::new(2);
    fixture.poll();
    fixture.sent();
    let marks = [fixture.begin(0, "a.b"), fixture.begin(1, "a.b"), fixture.begin(1, "unknown")];
    let in_flight = |reports: Vec<InstanceReport>| -> Vec<(String, u64)> {
        reports[0].in_flight.iter().map(|(name, count)| (name.to_string(), *count)).collect()
    };
    let expected = [("*".to_owned(), 1), ("a.b".to_owned(), 2)];
    assert_eq!(in_flight(fixture.renewed()), expected);
    assert_eq!(in_flight(fixture.renewed()), expected);
    let [first, second, unknown] = marks;
    fixture.end(0, first);
    fixture.end(1, second);
    fixture.lanes[1].end(unknown, &Ran::Stopped(TaskLog::new()), &StopToken::new(), fixture.clock.now());
    let last = fixture.renewed();
    assert_eq!(added(&last[0]), [("a.b".to_owned(), 2)], "what was undone is not counted");
    assert_eq!(in_flight(last), []);
    assert_eq!(fixture.renewed(), []);
}

#[test]
fn more_than_one_report_takes_follows_at_once() {
    let mut fixture = Fixture::new(1);
    fixture.poll();
    fixture.sent();
    let count = 2 * InstanceReport::MAX_ADDED + 1;
    for number in 0..count {
        fixture.call(0, &format!("a.{number}"));
    }
    let sent = fixture.renewed();
    assert_eq!(sent.iter().map(|report| report.added.len()).collect::<Vec<_>>(), [100, 100, 1]);
    fixture.call(0, "a.0");
    let consumer = Arc::clone(&fixture.consumer);
    block_on(fixture.reports.finish());
    let last = std::mem::take(&mut *consumer.reports.lock().expect("no panic"));
    assert_eq!(last.iter().flat_map(added).collect::<Vec<_>>(), [("a.0".to_owned(), 1)]);
}
