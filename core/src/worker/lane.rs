use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::deadlines::Deadlines;
use super::event_sink::{EventSink, LaneConsumer};
use super::figures::LaneFigures;
use super::finishes::Finishes;
use super::intake::{Intake, Offer, Taken};
use super::job::Job;
use super::jobs::Jobs;
use super::lane_state::LaneState;
use super::telemetry::Telemetry;
use super::{Handler, Ran, Run, StopToken};
use crate::{Claim, Claimed, Clock, Completion, Consumer, Finish, TaskLog, Tick};

/// Begins tasks of its worker's intake, runs them on the thread that drives it, and finishes them, until the
/// worker drains and nothing is left.
///
/// Each poll takes a task's three steps as far as they go: *begin* what the handler has capacity for, *run*
/// it, *finish* what has ended.
pub(super) struct Lane<H> {
    handler: H,
    /// Which of the worker's lanes it is, from 0.
    index: usize,
    intake: Arc<Intake>,
    clock: Arc<dyn Clock>,
    state: Arc<LaneState>,
    running: Jobs,
    deadlines: Deadlines,
    finishes: Finishes,
    consumer: Arc<LaneConsumer>,
    /// None if calls are not counted.
    figures: Option<LaneFigures>,
    /// Whether the ends of its runs are logged.
    logs_activity: bool,
    /// The time that was read last: shortly before a task begins, and right after it was polled.
    now: Tick,
    telemetry: Arc<Telemetry>,
    draining: bool,
}

/// What a lane is made of, besides its handler.
pub(super) struct LaneParts {
    /// Which of the worker's lanes it is, from 0.
    pub(super) index: usize,
    pub(super) intake: Arc<Intake>,
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Arc<LaneState>,
    /// None if calls are not counted.
    pub(super) figures: Option<LaneFigures>,
    /// Whether the ends of its runs are logged.
    pub(super) logs_activity: bool,
    /// The worker's.
    pub(super) telemetry: Arc<Telemetry>,
}

/// How long new tasks run, one after another, before woken tasks run, and the other way round.
const AT_ONCE: Duration = Duration::from_micros(500);

impl<H: Handler> Lane<H> {
    pub(super) fn new(handler: H, parts: LaneParts) -> Self {
        let LaneParts { index, intake, consumer, clock, state, figures, logs_activity, telemetry } = parts;
        Self {
            handler,
            index,
            intake,
            consumer: LaneConsumer::new(Arc::clone(&consumer)),
            finishes: Finishes::new(consumer, Arc::clone(&clock), Arc::clone(&state)),
            running: Jobs::new(Arc::clone(&clock), Arc::clone(&state)),
            state,
            deadlines: Deadlines::new(Arc::clone(&clock)),
            now: clock.now(),
            clock,
            figures,
            logs_activity,
            telemetry,
            draining: false,
        }
    }

    /// Begins tasks, one after another. Whether there was something to do.
    fn begin(&mut self, cx: &mut Context<'_>, sleeps: bool) -> bool {
        let mut until = None;
        loop {
            let offer = Offer {
                capacity: match self.handler.poll_ready(cx) {
                    Poll::Ready(capacity) => capacity.get(),
                    Poll::Pending => 0,
                },
                computing: self.handler.computing(),
                // Once: what ended goes out before the next claim is waited for.
                claims: until.is_none(),
                sleeps: sleeps && until.is_none(),
            };
            match self.intake.take(self.index, offer, cx) {
                Taken::Task { task, more } => {
                    if offer.sleeps {
                        self.tick();
                    }
                    self.begin_one(task);
                    if !more {
                        return true;
                    }
                }
                Taken::Nothing => return until.is_some(),
                Taken::Surplus(claims) => {
                    self.release(claims);
                    return true;
                }
                Taken::Closed(claims) => {
                    self.draining = true;
                    self.release(claims);
                    return true;
                }
            }
            let until = *until.get_or_insert(self.now + AT_ONCE);
            // Many long ones must not keep the lane from those that were woken.
            if self.now >= until && self.running.has_ready() {
                return true;
            }
        }
    }

    fn begin_one(&mut self, claimed: Claimed) {
        let (claim, stop) = (claimed.claim, StopToken::new());
        // Before anything of it runs, so that it can be stopped and given up from now on.
        self.state.begin(claim, stop.clone());
        let deadline = claimed.deadline;
        let clock = &self.clock;
        let payload = &claimed.task.payload;
        let mark = self.figures.as_mut().and_then(|figures| figures.begin(payload, || clock.now()));
        let events = EventSink::new(&self.consumer, claim);
        let (span, trace) = self.telemetry.begin(&claimed);
        let run = Run { claimed, stop: stop.clone(), deadline, clock: Arc::clone(clock), events, trace };
        // The handler is code that can kill, too.
        self.state.slot().set(claim.task);
        let mut job = Job::new(&self.handler, run, self.now, span);
        job.mark = mark;
        let ended = self.running.begin(job);
        self.tick();
        match ended {
            Some((job, ran)) => self.end(&job, ran),
            None => {
                if let Some(at) = deadline {
                    self.deadlines.insert(at, claim.task, stop);
                }
            }
        }
    }

    /// Releases claims that have not begun.
    fn release(&mut self, claims: Vec<Claim>) {
        for claim in claims {
            self.finishes.push(Completion { claim, finish: Finish::Release, log: TaskLog::new() }, None);
        }
    }

    /// Runs the tasks that have been woken. Whether there was one.
    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadlines.poll(cx);
        if !self.running.poll_ready(cx) {
            return false;
        }
        let until = self.clock.now() + AT_ONCE;
        while let Poll::Ready(ended) = self.running.run_next() {
            self.tick();
            if let Some((job, ran)) = ended {
                if let Some(at) = job.deadline {
                    self.deadlines.remove(at, job.claim.task);
                }
                self.end(&job, ran);
            }
            if self.now >= until {
                break;
            }
        }
        true
    }

    fn end(&mut self, job: &Job, ran: Ran) {
        if let (Some(figures), Some(mark)) = (&self.figures, job.mark) {
            figures.end(mark, &ran, &job.stop, self.now);
        }
        job.stop.probe().ended();
        let Some(completion) = job.completion(ran, &*self.clock) else {
            self.state.end([job.claim].into_iter());
            return;
        };
        self.telemetry.end(job.claim, &job.span, &completion.finish);
        let ended = self.logs_activity.then(|| job.ended_run(&completion.finish, self.now)).flatten();
        self.finishes.push(completion, ended);
    }

    /// Reads the time, and notes that the lane is not blocked.
    fn tick(&mut self) {
        self.now = self.clock.now();
        self.state.tick(self.now);
    }

    fn drained(&self) -> bool {
        self.draining && self.running.is_empty() && self.finishes.is_empty()
    }
}

impl<H: Handler + Unpin> Future for Lane<H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let lane = &mut *self;
        lane.tick();
        // First, so that the intake knows that it is awake before it runs anything.
        if !lane.draining {
            lane.begin(cx, false);
        }
        loop {
            lane.tick();
            let ran = lane.run(cx);
            while lane.finishes.poll(cx) {}
            if !ran {
                lane.state.idle();
            }
            if lane.drained() {
                lane.state.idle();
                return Poll::Ready(());
            }
            let began = !lane.draining && lane.begin(cx, !ran);
            if !(began || ran) {
                return Poll::Pending;
            }
        }
    }
}
