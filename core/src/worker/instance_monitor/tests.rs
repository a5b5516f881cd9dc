use std::num::NonZeroUsize;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::executor::block_on;

use super::*;
use crate::worker::StopToken;
use crate::worker::early_stops::EarlyStops;
use crate::worker::running_tasks::{HeapSlots, SlotOfLane};
use crate::{Claimed, Finished, InstanceId, InstanceReport, ManualClock, Reported, TaskId, WorkerId};

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
    async fn report(&self, _: &InstanceReport) -> Result<Reported, TransportError> {
        Ok(Reported { has_description: true })
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

/// Lanes and their monitor, which runs when the test polls it.
struct Fixture {
    clock: ManualClock,
    lanes: Vec<Arc<LaneState>>,
    run: BoxFuture<'static, (Result<Drained, WorkerError>, bool)>,
    noted: mpsc::UnboundedReceiver<Completion>,
    _lane_ended: mpsc::UnboundedSender<Result<(), WorkerError>>,
    _shutdown: oneshot::Sender<Duration>,
}

impl Fixture {
    /// A lane is blocked after 2 s, and the lease is renewed every second.
    fn new(lanes: usize) -> Self {
        let clock = ManualClock::new();
        let slots = Arc::new(HeapSlots::new(lanes));
        let early = Arc::new(EarlyStops::default());
        let lane =
            |index| Arc::new(LaneState::new(SlotOfLane::new(slots.clone(), index), Arc::clone(&early)));
        let lanes: Vec<_> = (0..lanes).map(lane).collect();
        let (note, noted) = mpsc::unbounded();
        let (_lane_ended, lane_ends) = mpsc::unbounded();
        let (_shutdown, shutdown_asked) = oneshot::channel();
        let worker_id = WorkerId::try_from("worker-1").expect("a worker id");
        let config = WorkerConfig::default().with_stall_timeout(Duration::from_secs(2));
        let (consumer, clock_of_it) = (Arc::new(Noting(Mutex::new(note))), Arc::new(clock.clone()));
        let intake = Intake::new(consumer.clone(), clock_of_it.clone(), lanes.clone(), early.clone());
        let figures = config.figures.clone();
        let reports = Reports::new(consumer.clone(), clock_of_it.clone(), figures, 1, None, None);
        let monitor = InstanceMonitor::new(
            consumer,
            clock_of_it,
            config,
            lanes.clone(),
            intake,
            Telling {
                reports,
                metrics: Arc::new(WorkerMetrics::new(&worker_id)),
                health: WorkerHealth::default(),
            },
            Ends { of_lanes: lane_ends, shutdown: shutdown_asked },
        );
        Self { clock, lanes, run: monitor.run().boxed(), noted, _lane_ended, _shutdown }
    }

    /// Lets a lane begin those claims.
    fn begin(&self, lane: usize, claims: &[Claim]) {
        claims.iter().for_each(|claim| self.lanes[lane].begin(*claim, StopToken::new()));
        self.lanes[lane].tick(self.clock.now());
    }

    /// Lets the monitor do what is due.
    fn poll(&mut self) {
        assert!((&mut self.run).now_or_never().is_none());
    }

    fn advance(&mut self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.poll();
    }
}

fn some_claims<const N: usize>() -> [Claim; N] {
    [(); N].map(|()| Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 1 })
}

#[test]
fn of_a_blocked_lane_only_the_polled_task_is_abandoned() {
    let mut fixture = Fixture::new(3);
    let claims = some_claims::<5>();
    // The first lane blocks at the second of its tasks, the second lane outside of any, the third one waits.
    fixture.begin(0, &claims[..3]);
    fixture.lanes[0].slot().set(claims[1].task);
    fixture.begin(1, &claims[3..4]);
    fixture.begin(2, &claims[4..]);
    fixture.lanes[2].slot().set(claims[4].task);
    fixture.lanes[2].idle();

    fixture.poll();
    fixture.advance(1);
    fixture.advance(1);
    assert!(fixture.noted.try_recv().is_err(), "no lane is silent for longer than 2 s");
    fixture.advance(1);

    let mut given_up: Vec<Completion> = Vec::new();
    block_on(async {
        while given_up.len() < 4 {
            given_up.push(fixture.noted.next().await.expect("the monitor lives"));
        }
    });
    let finish =
        |claim: &Claim| given_up.iter().find(|done| done.claim == *claim).map(|done| done.finish.clone());
    let [requeued, abandoned] = [Some(Finish::Requeue), Some(Finish::Abandon)];
    let expected = [requeued.clone(), abandoned, requeued.clone(), requeued, None];
    assert_eq!(claims.iter().map(finish).collect::<Vec<_>>(), expected);
}

#[test]
fn a_suspended_process_blames_no_task_and_a_lane_that_blocks_is_found_after_that() {
    let mut fixture = Fixture::new(1);
    let claims = some_claims::<1>();
    fixture.begin(0, &claims);
    fixture.lanes[0].slot().set(claims[0].task);
    fixture.poll();
    fixture.advance(60);
    fixture.advance(1);
    fixture.advance(1);
    assert!(fixture.noted.try_recv().is_err(), "the lane has not run for longer than 2 s since then");
    fixture.advance(1);
    let given_up = fixture.noted.try_recv().expect("the lane blocks");
    assert_eq!((given_up.claim, given_up.finish), (claims[0], Finish::Abandon));
}
