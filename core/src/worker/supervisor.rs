use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::intake::Intake;
use super::lane_state::LaneState;
use super::{Drained, Stop, WorkerConfig, WorkerError};
use crate::{Claim, Clock, Completion, Consumer, Finish, Signal, TaskLog, TransportError};

/// Looks after a worker's lanes, on a thread of its own: renews the lease, passes signals on, gives
/// up the tasks of a lane that blocks, and sees that it all ends.
pub(super) struct Supervisor {
    consumer: Arc<dyn Consumer>,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
    lanes: Vec<Arc<LaneState>>,
    intake: Arc<Intake>,
    /// How many lanes have not ended.
    living: usize,
    lane_ends: mpsc::UnboundedReceiver<Result<(), WorkerError>>,
    /// Resolves when the worker is to shut down, with the grace; also when its handle is dropped.
    shutdown: Option<oneshot::Receiver<Duration>>,
    signals: Option<BoxStream<'static, Signal>>,
    next_renewal: BoxFuture<'static, ()>,
    renewing: Option<BoxFuture<'static, Renewed>>,
    /// What was taken from lanes that block, begun or not, until the transport has taken it.
    given_up: Vec<Completion>,
    abandoned: usize,
    ending: Ending,
}

/// How far the end has come, and until when that step lasts.
enum Ending {
    NotYet,
    /// Running tasks may end by themselves.
    Grace(BoxFuture<'static, ()>),
    /// They have been told to stop, to be handed back.
    LastCall(BoxFuture<'static, ()>),
}

enum Event {
    Signal(Signal),
    RenewalDue,
    Renewed(Renewed),
    LaneEnded(Result<(), WorkerError>),
    Shutdown(Duration),
    TimeUp,
}

/// What the transport has not taken of what was given up, and its answer to the renewal.
type Renewed = (Vec<Completion>, Result<Vec<Claim>, TransportError>);

/// How long lanes get to notice that their tasks are to be handed back, when the grace is over.
const LAST_CALL: Duration = Duration::from_secs(2);

impl Supervisor {
    pub(super) fn new(
        consumer: Arc<dyn Consumer>,
        clock: Arc<dyn Clock>,
        config: WorkerConfig,
        lanes: Vec<Arc<LaneState>>,
        intake: Arc<Intake>,
        lane_ends: mpsc::UnboundedReceiver<Result<(), WorkerError>>,
        shutdown: oneshot::Receiver<Duration>,
    ) -> Self {
        Self {
            living: lanes.len(),
            shutdown: Some(shutdown),
            signals: Some(consumer.signals()),
            next_renewal: clock.sleep_until(clock.now() + consumer.lease() / 3),
            renewing: None,
            given_up: Vec::new(),
            abandoned: 0,
            ending: Ending::NotYet,
            consumer,
            clock,
            config,
            lanes,
            intake,
            lane_ends,
        }
    }

    pub(super) async fn run(mut self) -> Result<Drained, WorkerError> {
        let mut failure = None;
        while self.living > 0 {
            match poll_fn(|cx| self.poll_event(cx)).await {
                Event::Signal(Signal::Cancel(claim, reason)) => self.stop(&claim, Stop::Cancelled(reason)),
                Event::Signal(Signal::Lost(claim)) => self.stop(&claim, Stop::Lost),
                Event::RenewalDue => self.begin_renewal(),
                Event::Renewed(answer) => self.note_renewal(answer),
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
                    self.ending = Ending::LastCall(self.clock.sleep_until(self.clock.now() + LAST_CALL));
                }
                Event::TimeUp => break,
            }
        }
        self.intake.close();
        self.give_up(|_| true);
        let given_up = std::mem::take(&mut self.given_up);
        give_up(&*self.consumer, given_up).await;
        let detached = self.consumer.detach().await;
        match failure {
            Some(error) => Err(error),
            None => Ok(detached.map(|()| Drained { abandoned: self.abandoned })?),
        }
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
        match &mut self.renewing {
            Some(renewing) => {
                if let Poll::Ready(answer) = renewing.poll_unpin(cx) {
                    return Poll::Ready(Event::Renewed(answer));
                }
            }
            None => {
                if self.next_renewal.poll_unpin(cx).is_ready() {
                    return Poll::Ready(Event::RenewalDue);
                }
            }
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
            Ending::Grace(until) | Ending::LastCall(until) => until.poll_unpin(cx).map(|()| Event::TimeUp),
            Ending::NotYet => Poll::Pending,
        }
    }

    fn stop(&self, claim: &Claim, why: Stop) {
        self.intake.stop(claim, why);
    }

    fn shut_down(&mut self, grace: Duration) {
        if matches!(self.ending, Ending::NotYet) {
            self.intake.close();
            let grace = grace.min(self.config.grace);
            self.ending = Ending::Grace(self.clock.sleep_until(self.clock.now() + grace));
        }
    }

    fn begin_renewal(&mut self) {
        let (now, stall_timeout) = (self.clock.now(), self.config.stall_timeout);
        let count = self.give_up(|lane| lane.silent_for(now) > stall_timeout);
        if count > 0 {
            tracing::error!(tasks = count, ?stall_timeout, "a lane is blocked; its tasks are given up");
        }
        let unbegun = self.intake.release(self.consumer.lease() / 3);
        self.given_up.extend(unbegun.into_iter().map(|claim| completion(claim, Finish::HandBack)));
        let (consumer, given_up) = (Arc::clone(&self.consumer), self.given_up.clone());
        self.renewing = Some(Box::pin(async move {
            // First, because the renewal would keep them. One that is refused must not cost the others
            // their lease; that the transport is away will do so anyway.
            let (left, error) = give_up(&*consumer, given_up).await;
            let answer = match error.filter(TransportError::is_retryable) {
                Some(error) => Err(error),
                None => consumer.renew().await,
            };
            (left, answer)
        }));
    }

    fn note_renewal(&mut self, (left, answer): Renewed) {
        self.renewing = None;
        self.next_renewal = self.clock.sleep_until(self.clock.now() + self.consumer.lease() / 3);
        self.given_up = left;
        self.intake.prune_stops();
        match answer {
            Ok(lost) => lost.iter().for_each(|claim| self.stop(claim, Stop::Lost)),
            Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
        }
    }

    /// Takes the tasks of the lanes that `which` picks from them: nobody knows how far they are. How
    /// many those were.
    fn give_up(&mut self, which: impl Fn(&LaneState) -> bool) -> usize {
        let lanes = self.lanes.iter().filter(|lane| which(lane));
        let claims = lanes.flat_map(|lane| lane.give_up());
        let given_up: Vec<_> = claims.map(|claim| completion(claim, Finish::Abandon)).collect();
        let count = given_up.len();
        self.abandoned += count;
        self.given_up.extend(given_up);
        count
    }
}

fn completion(claim: Claim, finish: Finish) -> Completion {
    Completion { claim, finish, log: TaskLog::new() }
}

/// Gives tasks up. What could not be given up, and why; rather because the transport is away.
async fn give_up(
    consumer: &dyn Consumer,
    given_up: Vec<Completion>,
) -> (Vec<Completion>, Option<TransportError>) {
    let (mut left, mut why) = (Vec::new(), None);
    if given_up.is_empty() {
        return (left, why);
    }
    let answers = consumer.finish(&given_up).await;
    for (completion, answer) in given_up.into_iter().zip(answers) {
        if let Err(error) = answer {
            left.push(completion);
            if why.is_none() || error.is_retryable() {
                why = Some(error);
            }
        }
    }
    if let Some(error) = &why {
        tracing::warn!(%error, tasks = left.len(), "tasks could not be given up yet");
    }
    (left, why)
}
