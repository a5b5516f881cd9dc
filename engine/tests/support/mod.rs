//! A lane in miniature: runs scripts through the handler, with a clock that the test moves.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

pub(crate) mod examples;
pub(crate) mod stubs;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{
    Claim, Claimed, EventSink, Handler, InstanceId, Json, ManualClock, Outcome, Payload, Ran, Run, StopToken,
    Task, TaskError, TaskErrorKind, TaskLog, Tick, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};

pub(crate) struct Bench {
    pub(crate) handler: RhaiHandler,
    pub(crate) clock: ManualClock,
}

/// One run, not yet polled.
pub(crate) struct Started {
    pub(crate) stop: StopToken,
    pub(crate) future: LocalBoxFuture<'static, Ran>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(EngineConfig::new())
    }

    pub(crate) fn with(config: EngineConfig) -> Self {
        Self { handler: RhaiHandler::new(&config), clock: ManualClock::new() }
    }

    pub(crate) fn task(source: &str) -> Task {
        let worker_id = WorkerId::try_from("worker-1").unwrap();
        let mut task = Task::new(worker_id, Payload::script(source), "caller-1");
        task.context_id = Some("context-1".into());
        task.args = Json::parse(r#"{"name":"Ada","n":[1,2,{"deep":true}]}"#).unwrap();
        task
    }

    pub(crate) fn start(&self, source: &str) -> Started {
        self.start_task(Self::task(source), None)
    }

    pub(crate) fn start_task(&self, task: Task, deadline: Option<Tick>) -> Started {
        let stop = StopToken::new();
        let claim = Claim { task: task.id, instance: InstanceId::new(), delivery: 1 };
        let claimed = Claimed::first(claim, Arc::new(task));
        let claimed_trace = claimed.task.trace.clone();
        let run = Run {
            claimed,
            stop: stop.clone(),
            deadline,
            clock: Arc::new(self.clock.clone()),
            events: EventSink::default(),
            trace: claimed_trace,
        };
        Started { stop, future: self.handler.handle(run) }
    }

    /// Runs a script that does not wait for anything.
    pub(crate) fn run(&self, source: &str) -> (Outcome, TaskLog) {
        self.start(source).finish()
    }

    pub(crate) fn value(&self, source: &str) -> String {
        match self.run(source).0 {
            Outcome::Completed(output) => output.as_json().as_str().to_owned(),
            other => panic!("{source}: {other:?}"),
        }
    }

    pub(crate) fn error(&self, source: &str) -> TaskError {
        match self.run(source).0 {
            Outcome::Error(error) => error,
            other => panic!("{source}: {other:?}"),
        }
    }

    pub(crate) fn kind(&self, source: &str) -> TaskErrorKind {
        self.error(source).kind
    }

    /// A lane with the functions of [`stubs`], and how many calls are alive.
    pub(crate) fn with_stubs(config: EngineConfig) -> (Self, stubs::Alive) {
        let alive = stubs::Alive::default();
        (Self::with(stubs::with_stubs(config, &alive)), alive)
    }

    /// Runs a script to its end, moving the clock in steps of 100 ms while it waits.
    pub(crate) fn play(&self, source: &str) -> (Outcome, TaskLog) {
        let mut run = self.start(source);
        for _ in 0..100_000 {
            match run.poll() {
                Poll::Ready(Ran::Finished(outcome, log)) => return (outcome, log),
                Poll::Ready(Ran::Stopped(log)) => panic!("{source}: stopped: {log:?}"),
                Poll::Pending => self.clock.advance(Duration::from_millis(100)),
            }
        }
        panic!("{source}: no end");
    }

    pub(crate) fn play_value(&self, source: &str) -> String {
        match self.play(source).0 {
            Outcome::Completed(output) => output.as_json().as_str().to_owned(),
            other => panic!("{source}: {other:?}"),
        }
    }

    pub(crate) fn play_error(&self, source: &str) -> TaskError {
        match self.play(source).0 {
            Outcome::Error(error) => error,
            other => panic!("{source}: {other:?}"),
        }
    }

    /// How many scripts the handler would run now.
    pub(crate) fn room(&self) -> Option<usize> {
        match self.handler.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(room) => Some(room.get()),
            Poll::Pending => None,
        }
    }
}

impl Started {
    /// Polls once.
    pub(crate) fn poll(&mut self) -> Poll<Ran> {
        self.future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Polls until it ends; what it waits for has to be there.
    pub(crate) fn end(mut self) -> Ran {
        loop {
            if let Poll::Ready(ran) = self.poll() {
                return ran;
            }
        }
    }

    pub(crate) fn finish(self) -> (Outcome, TaskLog) {
        match self.end() {
            Ran::Finished(outcome, log) => (outcome, log),
            Ran::Stopped(log) => panic!("stopped: {log:?}"),
        }
    }

    pub(crate) fn value(self) -> String {
        match self.finish().0 {
            Outcome::Completed(output) => output.as_json().as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }
}
