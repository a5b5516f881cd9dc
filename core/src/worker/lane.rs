use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::deadlines::Deadlines;
use super::finishes::Finishes;
use super::job::Job;
use super::jobs::Jobs;
use super::lane_state::LaneState;
use super::{Handler, Ran, Run, StopToken};
use crate::{Claimed, Clock, Consumer, TransportError};

/// Claims tasks, runs them on the thread that drives it, and finishes them, until it is told to
/// drain and has nothing left.
///
/// Each poll takes a task's three steps as far as they go: *claim* what the handler can run, *run*
/// it, *finish* what has ended.
pub(super) struct Lane<H> {
    handler: H,
    consumer: Arc<dyn Consumer>,
    clock: Arc<dyn Clock>,
    state: Arc<LaneState>,
    claiming: Option<BoxFuture<'static, Result<Vec<Claimed>, TransportError>>>,
    /// Until when not to claim again, after a claim that failed.
    pause: Option<BoxFuture<'static, ()>>,
    running: Jobs,
    deadlines: Deadlines,
    finishes: Finishes,
    draining: bool,
}

/// The wait after a claim that failed, before it is made again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// How long new tasks run, one after another, before those that were woken have their turn, and the
/// other way round.
const AT_ONCE: Duration = Duration::from_micros(500);

impl<H: Handler> Lane<H> {
    pub(super) fn new(
        handler: H,
        consumer: Arc<dyn Consumer>,
        clock: Arc<dyn Clock>,
        state: Arc<LaneState>,
    ) -> Self {
        Self {
            handler,
            finishes: Finishes::new(Arc::clone(&consumer), Arc::clone(&clock), Arc::clone(&state)),
            consumer,
            state,
            claiming: None,
            pause: None,
            running: Jobs::new(Arc::clone(&clock)),
            deadlines: Deadlines::new(Arc::clone(&clock)),
            clock,
            draining: false,
        }
    }

    /// Claims for what the handler can run, and begins it. Whether there was something.
    fn claim(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(pause) = &mut self.pause {
            if pause.poll_unpin(cx).is_pending() {
                return false;
            }
            self.pause = None;
        }
        if self.claiming.is_none()
            && let Poll::Ready(room) = self.handler.poll_ready(cx)
        {
            self.claiming = Some(claim(Arc::clone(&self.consumer), room));
        }
        let Some(claiming) = &mut self.claiming else { return false };
        let Poll::Ready(answer) = claiming.poll_unpin(cx) else { return false };
        self.claiming = None;
        match answer {
            Ok(claimed) => self.begin(claimed),
            Err(TransportError::Detached) => self.draining = true,
            Err(error) => {
                tracing::warn!(%error, "a claim failed and is made again");
                self.pause = Some(self.clock.sleep_until(self.clock.now() + RETRY_PAUSE));
            }
        }
        true
    }

    fn begin(&mut self, claimed: Vec<Claimed>) {
        let begun_at = self.clock.now();
        let runs: Vec<Run> = claimed.into_iter().map(|claimed| self.prepare(claimed)).collect();
        // Before anything of them runs, so that they can be stopped and given up from now on.
        self.state.begin(runs.iter().map(|run| (run.claimed.claim, run.stop.clone())));
        for run in runs {
            let now = self.clock.now();
            self.state.tick(now);
            let job = Job::new(&self.handler, run);
            let deadline = job.deadline.map(|at| (at, job.claim.task, job.stop.clone()));
            // A batch of long ones must not keep the lane from those that were woken.
            if now - begun_at >= AT_ONCE && self.running.has_ready() {
                self.running.postpone(job);
            } else if let Some((job, ran)) = self.running.begin(job) {
                self.end(&job, ran);
                continue;
            }
            if let Some((at, task, stop)) = deadline {
                self.deadlines.insert(at, task, stop);
            }
        }
    }

    fn prepare(&self, claimed: Claimed) -> Run {
        let deadline = claimed.deadline;
        Run { claimed, stop: StopToken::new(), deadline, clock: Arc::clone(&self.clock) }
    }

    /// Lets the tasks go on that have been woken. Whether there was one.
    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadlines.poll(cx);
        if !self.running.poll_ready(cx) {
            return false;
        }
        let until = self.clock.now() + AT_ONCE;
        while let Poll::Ready(ended) = self.running.run_next() {
            if let Some((job, ran)) = ended {
                if let Some(at) = job.deadline {
                    self.deadlines.remove(at, job.claim.task);
                }
                self.end(&job, ran);
            }
            let now = self.clock.now();
            self.state.tick(now);
            if now >= until {
                break;
            }
        }
        true
    }

    fn end(&mut self, job: &Job, ran: Ran) {
        match job.completion(ran, &*self.clock) {
            Some(completion) => self.finishes.push(completion),
            None => self.state.end([job.claim].into_iter()),
        }
    }

    fn drained(&self) -> bool {
        self.draining && self.running.is_empty() && self.finishes.is_empty()
    }
}

impl<H: Handler + Unpin> Future for Lane<H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let lane = &mut *self;
        loop {
            lane.state.tick(lane.clock.now());
            if lane.state.poll_draining(cx) {
                lane.draining = true;
            }
            if lane.draining {
                lane.claiming = None; // a dropped claim loses nothing
            }
            let claimed = !lane.draining && lane.claim(cx);
            let ran = lane.run(cx);
            let finished = lane.finishes.poll(cx);
            if lane.drained() {
                lane.state.idle();
                return Poll::Ready(());
            }
            if !(claimed || ran || finished) {
                lane.state.idle();
                return Poll::Pending;
            }
        }
    }
}

fn claim(
    consumer: Arc<dyn Consumer>,
    room: NonZeroUsize,
) -> BoxFuture<'static, Result<Vec<Claimed>, TransportError>> {
    Box::pin(async move { consumer.claim(room).await })
}
