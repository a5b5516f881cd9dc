use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::ends::Ends;
use super::figures::Reports;
use super::finishes::is_release;
use super::intake::Intake;
use super::lane_state::LaneState;
use super::{Drained, Stop, WorkerConfig, WorkerError};
use crate::{Claim, Clock, Completion, Consumer, ErrorLog, Finish, Signal, TaskLog, Tick, TransportError};

/// Keeps a worker's instance alive, on a thread of its own: renews the lease, passes signals to lanes, gives up the
/// tasks of a lane that blocks, and shuts the worker down.
pub(super) struct InstanceMonitor {
    consumer: Arc<dyn Consumer>,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
    lanes: Vec<Arc<LaneState>>,
    intake: Arc<Intake>,
    reports: Reports,
    /// How many lanes have not ended.
    living: usize,
    lane_ends: mpsc::UnboundedReceiver<Result<(), WorkerError>>,
    /// Resolves when the worker is to shut down, with the grace; also when its handle is dropped.
    shutdown: Option<oneshot::Receiver<Duration>>,
    signals: Option<BoxStream<'static, Signal>>,
    /// When the next renewal is due: a third of the lease after the last began, whenever that was answered.
    next_renewal: RenewalTimer,
    renewing: Option<BoxFuture<'static, Result<Vec<Claim>, TransportError>>>,
    /// What was taken from lanes that block, begun or not, until the transport has taken it.
    given_up: Vec<Completion>,
    /// On its way to the transport, beside the renewals.
    giving_up: Option<BoxFuture<'static, GivenUp>>,
    log: Arc<ErrorLog>,
    abandoned: usize,
    /// How many tasks the monitor itself has released.
    released: usize,
    /// How many tasks had been released when the shutdown began, for lack of capacity.
    released_before: usize,
    /// Since when this thread runs without a break. Lanes are judged by that time only: a process that was suspended, or
    /// whose machine was, has not been blocked by a task.
    awake_since: Tick,
    ending: Ending,
}

/// The timer of the next renewal.
struct RenewalTimer {
    at: Tick,
    /// None once the time is over.
    sleep: Option<BoxFuture<'static, ()>>,
}

impl RenewalTimer {
    fn new(clock: &dyn Clock, at: Tick) -> Self {
        Self { at, sleep: Some(clock.sleep_until(at)) }
    }

    /// Whether the time is over only now; it is asked also while a renewal is under way.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> bool {
        let is_over = self.sleep.as_mut().is_some_and(|sleep| sleep.poll_unpin(cx).is_ready());
        if is_over {
            self.sleep = None;
        }
        is_over
    }
}

/// The step of the shutdown, and its end.
enum Ending {
    NotYet,
    /// Running tasks may end by themselves.
    Grace(BoxFuture<'static, ()>),
    /// They have been told to stop, and are released.
    Release(BoxFuture<'static, ()>),
}

enum Event {
    Signal(Signal),
    RenewalDue,
    Renewed(Result<Vec<Claim>, TransportError>),
    GivenUp(GivenUp),
    LaneEnded(Result<(), WorkerError>),
    Shutdown(Duration),
    TimeUp,
}

/// What became of tasks that were given up.
struct GivenUp {
    /// Those that the transport has not taken.
    left: Vec<Completion>,
    /// How many were released.
    released: usize,
}

/// How long lanes get to release their tasks after the grace.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

impl InstanceMonitor {
    pub(super) fn new(
        consumer: Arc<dyn Consumer>,
        clock: Arc<dyn Clock>,
        config: WorkerConfig,
        lanes: Vec<Arc<LaneState>>,
        intake: Arc<Intake>,
        reports: Reports,
        ends: Ends,
    ) -> Self {
        Self {
            living: lanes.len(),
            shutdown: Some(ends.shutdown),
            signals: Some(consumer.signals()),
            next_renewal: RenewalTimer::new(&*clock, clock.now() + consumer.lease() / 3),
            awake_since: clock.now(),
            renewing: None,
            given_up: Vec::new(),
            giving_up: None,
            log: Arc::default(),
            abandoned: 0,
            released: 0,
            released_before: 0,
            ending: Ending::NotYet,
            consumer,
            clock,
            config,
            lanes,
            intake,
            reports,
            lane_ends: ends.of_lanes,
        }
    }

    /// Runs until the worker ends. How it ended, and whether the instance is detached.
    pub(super) async fn run(mut self) -> (Result<Drained, WorkerError>, bool) {
        let mut failure = None;
        while self.living > 0 {
            match poll_fn(|cx| self.poll_event(cx)).await {
                Event::Signal(Signal::Cancel(claim, reason)) => self.stop(&claim, Stop::Cancelled(reason)),
                Event::Signal(Signal::Lost(claim)) => self.stop(&claim, Stop::Lost),
                Event::Signal(Signal::Inspect(inquiry)) => {
                    self.consumer.answer(&inquiry, self.intake.inspect(&inquiry.claim));
                }
                Event::RenewalDue => self.begin_renewal(),
                Event::Renewed(answer) => self.note_renewal(answer),
                Event::GivenUp(given_up) => {
                    self.giving_up = None;
                    self.note_given_up(given_up);
                }
                Event::LaneEnded(result) => {
                    self.living -= 1;
                    // One lane that failed ends the worker; the others' tasks get their grace.
                    if let Err(error) = result {
                        tracing::error!(%error, "a lane failed; the worker shuts down");
                        failure.get_or_insert(error);
                        self.shut_down(self.config.grace);
                    }
                }
                Event::Shutdown(grace) => self.shut_down(grace),
                Event::TimeUp if matches!(self.ending, Ending::Grace(_)) => {
                    self.lanes.iter().for_each(|lane| lane.stop_all(Stop::Drained));
                    self.ending = Ending::Release(self.clock.sleep_until(self.clock.now() + RELEASE_TIMEOUT));
                }
                Event::TimeUp => break,
            }
        }
        self.intake.close();
        self.give_up(|_| true);
        self.release(self.intake.take_unbegun());
        if let Some(under_way) = self.giving_up.take() {
            let given_up = under_way.await;
            self.note_given_up(given_up);
        }
        let given_up = give_up(&*self.consumer, std::mem::take(&mut self.given_up), &self.log).await;
        self.note_given_up(given_up);
        let drained =
            Drained { abandoned: self.abandoned, released: self.all_released() - self.released_before };
        self.reports.finish().await;
        let detached = self.consumer.detach().await;
        let is_detached = detached.is_ok();
        let ended = match failure {
            Some(error) => Err(error),
            None => detached.map(|()| drained).map_err(WorkerError::from),
        };
        (ended, is_detached)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Poll::Ready(Some(result)) = self.lane_ends.poll_next_unpin(cx) {
            return Poll::Ready(Event::LaneEnded(result));
        }
        if let Some(shutdown) = &mut self.shutdown
            && let Poll::Ready(grace) = shutdown.poll_unpin(cx)
        {
            self.shutdown = None;
            return Poll::Ready(Event::Shutdown(grace.unwrap_or(Duration::ZERO)));
        }
        self.reports.poll(cx);
        if self.next_renewal.poll_over(cx) {
            self.note_lateness();
        }
        match &mut self.renewing {
            Some(renewing) => {
                if let Poll::Ready(answer) = renewing.poll_unpin(cx) {
                    return Poll::Ready(Event::Renewed(answer));
                }
            }
            None if self.next_renewal.sleep.is_none() => return Poll::Ready(Event::RenewalDue),
            None => {}
        }
        if let Some(giving_up) = &mut self.giving_up
            && let Poll::Ready(given_up) = giving_up.poll_unpin(cx)
        {
            return Poll::Ready(Event::GivenUp(given_up));
        }
        if let Some(signals) = &mut self.signals
            && let Poll::Ready(signal) = signals.poll_next_unpin(cx)
        {
            match signal {
                Some(signal) => return Poll::Ready(Event::Signal(signal)),
                None => self.signals = None,
            }
        }
        match &mut self.ending {
            Ending::Grace(until) | Ending::Release(until) => until.poll_unpin(cx).map(|()| Event::TimeUp),
            Ending::NotYet => Poll::Pending,
        }
    }

    fn stop(&self, claim: &Claim, why: Stop) {
        self.intake.stop(claim, why);
    }

    fn shut_down(&mut self, grace: Duration) {
        if matches!(self.ending, Ending::NotYet) {
            self.released_before = self.all_released();
            self.reports.drain();
            self.intake.close();
            let grace = grace.min(self.config.grace);
            self.ending = Ending::Grace(self.clock.sleep_until(self.clock.now() + grace));
        }
    }

    /// Notes that this thread has not run, if its timer was late: then the lanes may not have run either.
    fn note_lateness(&mut self) {
        let (now, stall_timeout) = (self.clock.now(), self.config.stall_timeout);
        if now - self.next_renewal.at > (self.consumer.lease() / 3).min(stall_timeout / 2) {
            self.awake_since = now;
        }
    }

    fn begin_renewal(&mut self) {
        let (now, stall_timeout) = (self.clock.now(), self.config.stall_timeout);
        let awake_for = now - self.awake_since;
        let count = self.give_up(|lane| lane.silent_for(now).min(awake_for) > stall_timeout);
        if count > 0 {
            tracing::error!(tasks = count, ?stall_timeout, "a lane is blocked; its tasks are given up");
        }
        self.release(self.intake.release(self.consumer.lease() / 3));
        if self.giving_up.is_none() && !self.given_up.is_empty() {
            // Beside the renewal: what keeps it from the transport must not cost the other lanes their lease.
            let given_up = std::mem::take(&mut self.given_up);
            let (consumer, log) = (Arc::clone(&self.consumer), Arc::clone(&self.log));
            self.giving_up = Some(Box::pin(async move { give_up(&*consumer, given_up, &log).await }));
        }
        let consumer = Arc::clone(&self.consumer);
        self.renewing = Some(Box::pin(async move { consumer.renew().await }));
        self.next_renewal = RenewalTimer::new(&*self.clock, now + self.consumer.lease() / 3);
    }

    /// Gives up tasks that no lane has begun.
    fn release(&mut self, claims: Vec<Claim>) {
        self.given_up.extend(claims.into_iter().map(|claim| completion(claim, Finish::Release)));
    }

    fn note_given_up(&mut self, GivenUp { left, released }: GivenUp) {
        self.given_up.extend(left);
        self.released += released;
    }

    /// How many tasks this worker has released.
    fn all_released(&self) -> usize {
        self.released + self.lanes.iter().map(|lane| lane.released()).sum::<usize>()
    }

    fn note_renewal(&mut self, answer: Result<Vec<Claim>, TransportError>) {
        self.renewing = None;
        self.reports.renewed();
        self.intake.prune_stops();
        match answer {
            Ok(lost) => lost.iter().for_each(|claim| self.stop(claim, Stop::Lost)),
            Err(error) => {
                if let Some(left_out) = self.log.admit(&error.to_string()) {
                    tracing::warn!(%error, left_out, "the lease could not be renewed");
                }
            }
        }
    }

    /// Takes the tasks of the lanes that `which` picks from them: it is not known how far they are. The task that
    /// such a lane polls is what blocks it, the others only wait behind it. How many those were.
    fn give_up(&mut self, which: impl Fn(&LaneState) -> bool) -> usize {
        let lanes = self.lanes.iter().filter(|lane| which(lane));
        let given_up =
            |(claim, blocks)| completion(claim, if blocks { Finish::Abandon } else { Finish::Requeue });
        let given_up: Vec<_> = lanes.flat_map(|lane| lane.give_up()).map(given_up).collect();
        let count = given_up.len();
        self.abandoned += count;
        self.given_up.extend(given_up);
        count
    }
}

fn completion(claim: Claim, finish: Finish) -> Completion {
    Completion { claim, finish, log: TaskLog::new() }
}

/// Gives tasks up.
async fn give_up(consumer: &dyn Consumer, given_up: Vec<Completion>, log: &ErrorLog) -> GivenUp {
    let (mut left, mut released, mut why) = (Vec::new(), 0, None);
    if given_up.is_empty() {
        return GivenUp { left, released };
    }
    let answers = consumer.finish(&given_up).await;
    for (completion, answer) in given_up.into_iter().zip(answers) {
        released += usize::from(is_release(&completion, &answer));
        if let Err(error) = answer {
            left.push(completion);
            why = Some(error);
        }
    }
    if let Some(error) = &why
        && let Some(left_out) = log.admit(&format!("given up: {error}"))
    {
        tracing::warn!(%error, left_out, tasks = left.len(), "tasks could not be given up yet");
    }
    GivenUp { left, released }
}

#[cfg(test)]
mod tests;
