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
use crate::{Claim, Clock, Completion, Consumer, ErrorLog, Finish, Signal, TaskLog, TransportError};

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
    /// When the next renewal is due: a third of the lease after the last began, whenever that was answered.
    next_renewal: BoxFuture<'static, ()>,
    renewing: Option<BoxFuture<'static, Result<Vec<Claim>, TransportError>>>,
    /// What was taken from lanes that block, begun or not, until the transport has taken it.
    given_up: Vec<Completion>,
    /// On its way to the transport, beside the renewals; what is left of it then.
    giving_up: Option<BoxFuture<'static, Vec<Completion>>>,
    log: Arc<ErrorLog>,
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
    Renewed(Result<Vec<Claim>, TransportError>),
    GivenUp(Vec<Completion>),
    LaneEnded(Result<(), WorkerError>),
    Shutdown(Duration),
    TimeUp,
}

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
            giving_up: None,
            log: Arc::default(),
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

    /// Ends with the worker. How it ended, and whether the instance is detached.
    pub(super) async fn run(mut self) -> (Result<Drained, WorkerError>, bool) {
        let mut failure = None;
        while self.living > 0 {
            match poll_fn(|cx| self.poll_event(cx)).await {
                Event::Signal(Signal::Cancel(claim, reason)) => self.stop(&claim, Stop::Cancelled(reason)),
                Event::Signal(Signal::Lost(claim)) => self.stop(&claim, Stop::Lost),
                Event::RenewalDue => self.begin_renewal(),
                Event::Renewed(answer) => self.note_renewal(answer),
                Event::GivenUp(left) => {
                    self.giving_up = None;
                    self.given_up.extend(left);
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
                    self.ending = Ending::LastCall(self.clock.sleep_until(self.clock.now() + LAST_CALL));
                }
                Event::TimeUp => break,
            }
        }
        self.intake.close();
        self.give_up(|_| true);
        let under_way = self.giving_up.take();
        let mut given_up = std::mem::take(&mut self.given_up);
        if let Some(under_way) = under_way {
            given_up.extend(under_way.await);
        }
        give_up(&*self.consumer, given_up, &self.log).await;
        let detached = self.consumer.detach().await;
        let is_detached = detached.is_ok();
        let ended = match failure {
            Some(error) => Err(error),
            None => detached.map(|()| Drained { abandoned: self.abandoned }).map_err(WorkerError::from),
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
        if let Some(giving_up) = &mut self.giving_up
            && let Poll::Ready(left) = giving_up.poll_unpin(cx)
        {
            return Poll::Ready(Event::GivenUp(left));
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
        self.given_up.extend(unbegun.into_iter().map(|claim| completion(claim, Finish::Release)));
        if self.giving_up.is_none() && !self.given_up.is_empty() {
            // Beside the renewal: what keeps it from the transport must not cost the other lanes their lease.
            let given_up = std::mem::take(&mut self.given_up);
            let (consumer, log) = (Arc::clone(&self.consumer), Arc::clone(&self.log));
            self.giving_up = Some(Box::pin(async move { give_up(&*consumer, given_up, &log).await }));
        }
        let consumer = Arc::clone(&self.consumer);
        self.renewing = Some(Box::pin(async move { consumer.renew().await }));
        self.next_renewal = self.clock.sleep_until(now + self.consumer.lease() / 3);
    }

    fn note_renewal(&mut self, answer: Result<Vec<Claim>, TransportError>) {
        self.renewing = None;
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

/// Gives tasks up. What could not be given up.
async fn give_up(consumer: &dyn Consumer, given_up: Vec<Completion>, log: &ErrorLog) -> Vec<Completion> {
    if given_up.is_empty() {
        return given_up;
    }
    let (mut left, mut why) = (Vec::new(), None);
    let answers = consumer.finish(&given_up).await;
    for (completion, answer) in given_up.into_iter().zip(answers) {
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
    left
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use futures::executor::block_on;

    use super::*;
    use crate::worker::StopToken;
    use crate::worker::early_stops::EarlyStops;
    use crate::worker::running_tasks::{HeapSlots, SlotOfLane};
    use crate::{Claimed, Finished, InstanceId, ManualClock, TaskId};

    /// Notes what is finished, and sends it on.
    struct Noting(Mutex<mpsc::UnboundedSender<Completion>>);

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
        async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
            let noted = self.0.lock().expect("no panic under the lock");
            let note = |done: &Completion| {
                noted.unbounded_send(done.clone()).expect("the test listens");
                Ok(Finished::Written)
            };
            done.iter().map(note).collect()
        }
        async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
            Ok(Vec::new())
        }
        fn signals(&self) -> BoxStream<'static, Signal> {
            futures::stream::pending().boxed()
        }
        async fn detach(&self) -> Result<(), TransportError> {
            Ok(())
        }
    }

    #[test]
    fn of_a_blocked_lane_only_the_polled_task_is_abandoned() {
        let clock = ManualClock::new();
        let slots = Arc::new(HeapSlots::new(3));
        let early = Arc::new(EarlyStops::default());
        let lane =
            |index| Arc::new(LaneState::new(SlotOfLane::new(slots.clone(), index), Arc::clone(&early)));
        let lanes: Vec<_> = (0..3).map(lane).collect();
        let claims: Vec<_> =
            (0..5).map(|_| Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 1 }).collect();
        let begin = |lane: &LaneState, claims: &[Claim]| {
            claims.iter().for_each(|claim| lane.begin(*claim, StopToken::new()));
            lane.tick(clock.now());
        };
        // The first lane blocks at the second of its tasks, the second lane outside of any, the third one waits.
        begin(&lanes[0], &claims[..3]);
        lanes[0].slot().set(claims[1].task);
        begin(&lanes[1], &claims[3..4]);
        begin(&lanes[2], &claims[4..]);
        lanes[2].slot().set(claims[4].task);
        lanes[2].idle();

        let (note, mut noted) = mpsc::unbounded();
        let (_lane_ended, lane_ends) = mpsc::unbounded();
        let (_shutdown, shutdown_asked) = oneshot::channel();
        let config = WorkerConfig::default().with_stall_timeout(Duration::from_secs(2));
        let (consumer, clock_of_it) = (Arc::new(Noting(Mutex::new(note))), Arc::new(clock.clone()));
        let intake = Intake::new(consumer.clone(), clock_of_it.clone(), lanes.clone(), early.clone());
        let supervisor =
            Supervisor::new(consumer, clock_of_it, config, lanes, intake, lane_ends, shutdown_asked);
        let mut run = Box::pin(supervisor.run());
        for _ in 0..2 {
            assert!((&mut run).now_or_never().is_none());
            clock.advance(Duration::from_secs(1));
        }
        assert!((&mut run).now_or_never().is_none());
        assert!(noted.try_recv().is_err(), "no lane is silent for longer than 2 s");
        clock.advance(Duration::from_secs(1));
        assert!((&mut run).now_or_never().is_none());

        let mut given_up: Vec<Completion> = Vec::new();
        block_on(async {
            while given_up.len() < 4 {
                given_up.push(noted.next().await.expect("the supervisor lives"));
            }
        });
        let finish =
            |claim: &Claim| given_up.iter().find(|done| done.claim == *claim).map(|done| done.finish.clone());
        let [requeued, abandoned] = [Some(Finish::Requeue), Some(Finish::Abandon)];
        let expected = [requeued.clone(), abandoned, requeued.clone(), requeued, None];
        assert_eq!(claims.iter().map(finish).collect::<Vec<_>>(), expected);
    }
}
