use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::channel::oneshot;
use futures::stream::{self, BoxStream, StreamExt};

use super::*;
use crate::worker::StopToken;
use crate::worker::intake::state::{BLOCKED, SILENCE_PER_TASK};
use crate::worker::running_tasks::{HeapSlots, SlotOfLane};
use crate::{
    Completion, Finished, InstanceId, InstanceReport, ManualClock, Payload, Reported, Signal, Task, WorkerId,
};

type Answer = Result<Vec<Claimed>, TransportError>;

/// A consumer whose claims the test answers.
#[derive(Default)]
struct Store {
    claims: Mutex<VecDeque<(usize, oneshot::Sender<Answer>)>>,
}

impl Store {
    /// How many tasks the oldest claim asks for, and its answer; a claim that was dropped is none.
    fn next_claim(&self) -> Option<(usize, oneshot::Sender<Answer>)> {
        let mut claims = self.claims.lock().expect("no panic");
        claims.retain(|(_, answer)| !answer.is_canceled());
        claims.pop_front()
    }

    /// Answers the oldest claim with so many tasks.
    fn give(&self, count: usize) -> Vec<Claim> {
        let (max, answer) = self.next_claim().expect("a claim waits");
        assert!(count <= max, "{max} are asked for");
        let claimed: Vec<_> = (0..count).map(|_| claimed()).collect();
        let claims = claimed.iter().map(|claimed| claimed.claim).collect();
        answer.send(Ok(claimed)).expect("the claim waits");
        claims
    }
}

#[async_trait]
impl Consumer for Store {
    fn instance(&self) -> InstanceId {
        InstanceId::new()
    }
    fn lease(&self) -> Duration {
        Duration::from_secs(3)
    }
    async fn claim(&self, max: NonZeroUsize) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.claims.lock().expect("no panic").push_back((max.get(), answer));
        answered.await.unwrap_or(Err(TransportError::Detached))
    }
    async fn finish(&self, _done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        Vec::new()
    }
    async fn report(&self, _: &InstanceReport) -> Result<Reported, TransportError> {
        Ok(Reported { has_description: true })
    }
    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        Ok(Vec::new())
    }
    fn signals(&self) -> BoxStream<'static, Signal> {
        stream::empty().boxed()
    }
    async fn detach(&self) -> Result<(), TransportError> {
        Ok(())
    }
}

fn claimed() -> Claimed {
    let worker_id = WorkerId::try_from("worker-1").expect("a name");
    let task = Arc::new(Task::new(worker_id, Payload::script("1"), "caller"));
    let claim = Claim { task: task.id, instance: InstanceId::new(), delivery: 1 };
    Claimed::first(claim, task)
}

/// Counts how often a lane is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Fixture {
    store: Arc<Store>,
    clock: ManualClock,
    lanes: Vec<Arc<LaneState>>,
    bells: Vec<Arc<Bell>>,
    intake: Arc<Intake>,
}

impl Fixture {
    /// Lanes that all sleep.
    fn new(lanes: usize) -> Self {
        let fixture = Self::unstarted(lanes);
        for lane in 0..fixture.lanes.len() {
            assert_eq!(fixture.sleep(lane), None);
        }
        fixture
    }

    /// Lanes that have not asked yet.
    fn unstarted(lanes: usize) -> Self {
        let (store, clock) = (Arc::new(Store::default()), ManualClock::new());
        let slots = Arc::new(HeapSlots::new(lanes));
        let early: Arc<EarlyStops> = Arc::default();
        let lane =
            |index| Arc::new(LaneState::new(SlotOfLane::new(slots.clone(), index), Arc::clone(&early)));
        let lanes: Vec<Arc<LaneState>> = (0..lanes).map(lane).collect();
        let bells = lanes.iter().map(|_| Arc::default()).collect();
        let intake =
            Intake::new(Arc::clone(&store) as _, Arc::new(clock.clone()), lanes.clone(), Arc::clone(&early));
        let fixture = Self { store, clock, lanes, bells, intake };
        fixture.lanes.iter().for_each(|lane| lane.idle());
        fixture
    }

    fn take(&self, lane: usize, offer: Offer) -> Taken {
        let waker = Waker::from(Arc::clone(&self.bells[lane]));
        self.intake.take(lane, offer, &Context::from_waker(&waker))
    }

    /// The task of a lane that sleeps otherwise.
    fn sleep(&self, lane: usize) -> Option<Claim> {
        self.task(lane, Offer { capacity: 4, computing: 0, claims: true, sleeps: true })
    }

    /// The task of a lane with so many tasks that compute.
    fn busy(&self, lane: usize, computing: usize) -> Option<Claim> {
        self.task(lane, Offer { capacity: 4, computing, claims: true, sleeps: false })
    }

    fn task(&self, lane: usize, offer: Offer) -> Option<Claim> {
        match self.take(lane, offer) {
            Taken::Task { task, .. } => Some(task.claim),
            Taken::Nothing => None,
            Taken::Surplus(_) | Taken::Closed(_) => panic!("a lane with capacity takes tasks"),
        }
    }

    /// Which lanes were woken since the last look, and how often.
    fn woken(&self) -> Vec<usize> {
        self.bells.iter().map(|bell| bell.0.swap(0, Ordering::Relaxed)).collect()
    }
}

#[test]
fn claim_asks_for_what_all_lanes_can_run() {
    let fixture = Fixture::new(3);
    fixture.store.give(1);
    assert!(fixture.sleep(2).is_some());
    let (max, _) = fixture.store.next_claim().expect("a claim for the lanes that sleep");
    assert_eq!(max, 3 * 4);
}

#[test]
fn a_task_wakes_one_lane_and_what_that_leaves_the_next() {
    let fixture = Fixture::new(3);
    let claims = fixture.store.give(2);
    assert_eq!(fixture.woken(), [0, 0, 1]);
    assert_eq!(fixture.sleep(2), Some(claims[0]));
    assert_eq!(fixture.woken(), [0, 1, 0]);
    assert_eq!(fixture.sleep(1), Some(claims[1]));
    assert_eq!(fixture.woken(), [0, 0, 0]);
}

#[test]
fn lanes_that_sleep_hear_of_tasks_while_another_is_blocked() {
    let fixture = Fixture::new(2);
    fixture.store.give(1);
    assert!(fixture.sleep(1).is_some());
    // It does not come again.
    assert_eq!(fixture.woken(), [0, 1]);
    let claims = fixture.store.give(1);
    assert_eq!(fixture.woken(), [1, 0]);
    assert_eq!(fixture.sleep(0), Some(claims[0]));
    assert!(fixture.store.next_claim().is_none(), "nothing is claimed while no lane is free");
}

#[test]
fn lane_with_the_fewest_tasks_that_compute_comes_first() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(2);
    assert_eq!(fixture.busy(0, 1), None);
    assert_eq!(fixture.busy(1, 0), Some(claims[0]));
    assert_eq!(fixture.busy(0, 2), None, "the other has begun one");
    assert_eq!(fixture.busy(0, 1), Some(claims[1]), "as many as the other");
}

#[test]
fn lane_that_refuses_wakes_the_one_that_comes_first() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(1);
    assert_eq!(fixture.woken(), [0, 1]);
    // It is woken by something else before the one that sleeps gets to it.
    assert_eq!(fixture.busy(1, 1), None);
    assert_eq!(fixture.woken(), [1, 0]);
    assert_eq!(fixture.sleep(0), Some(claims[0]));
}

#[test]
fn lane_that_is_silent_falls_behind_task_by_task() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(3);
    assert_eq!(fixture.busy(0, 0), Some(claims[0]));
    fixture.lanes[0].tick(fixture.clock.now());
    assert_eq!(fixture.busy(1, 2), None);
    fixture.clock.advance(SILENCE_PER_TASK);
    assert_eq!(fixture.busy(1, 2), Some(claims[1]));
    assert_eq!(fixture.busy(1, 3), None, "it may be suspended for a moment only");
    fixture.clock.advance(SILENCE_PER_TASK);
    assert_eq!(fixture.busy(1, 3), Some(claims[2]));
}

#[test]
fn lane_that_computes_does_not_wait_for_one_that_is_blocked() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(2);
    assert_eq!(fixture.busy(0, 0), Some(claims[0]));
    fixture.lanes[0].tick(fixture.clock.now());
    fixture.clock.advance(2 * BLOCKED);
    assert_eq!(fixture.busy(1, 100), Some(claims[1]));
}

#[test]
fn lane_that_was_woken_is_waited_for_however_late_its_thread_is() {
    let fixture = Fixture::new(2);
    fixture.lanes.iter().for_each(|lane| lane.tick(fixture.clock.now()));
    let claims = fixture.store.give(1);
    fixture.clock.advance(2 * BLOCKED);
    assert_eq!(fixture.busy(1, 1), None);
    fixture.clock.advance(2 * BLOCKED);
    assert_eq!(fixture.busy(1, 1), None);
    assert_eq!(fixture.woken(), [1, 1]);
    assert_eq!(fixture.sleep(0), Some(claims[0]));
}

#[test]
fn lane_that_has_not_started_is_waited_for_a_while() {
    let fixture = Fixture::unstarted(2);
    assert_eq!(fixture.sleep(0), None);
    let claims = fixture.store.give(2);
    assert_eq!(fixture.busy(0, 0), Some(claims[0]));
    assert_eq!(fixture.busy(0, 1), None);
    fixture.clock.advance(STARTUP);
    assert_eq!(fixture.busy(0, 1), Some(claims[1]));
}

#[test]
fn lane_that_would_sleep_takes_what_is_there() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(1);
    let offer = Offer { capacity: 4, computing: 1, claims: true, sleeps: true };
    assert_eq!(fixture.task(1, offer), Some(claims[0]));
}

#[test]
fn what_no_lane_has_room_for_goes_back_with_the_claim() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(2);
    let full = Offer { capacity: 0, computing: 0, claims: true, sleeps: false };
    assert!(matches!(fixture.take(0, full), Taken::Nothing), "the other has capacity");
    assert_eq!(fixture.busy(1, 0), Some(claims[0]));
    let Taken::Surplus(left) = fixture.take(1, full) else { panic!("no lane has capacity") };
    assert_eq!(left, claims[1..]);
    assert!(fixture.store.next_claim().is_none());
}

#[test]
fn lanes_without_room_end_a_claim_that_waits() {
    let fixture = Fixture::new(1);
    let full = Offer { capacity: 0, computing: 0, claims: true, sleeps: true };
    assert!(matches!(fixture.take(0, full), Taken::Surplus(left) if left.is_empty()));
    assert!(matches!(fixture.take(0, full), Taken::Nothing));
    assert!(fixture.store.next_claim().is_none());
}

#[test]
fn closing_wakes_the_lanes_and_gives_them_what_is_left_once() {
    let fixture = Fixture::new(3);
    let claims = fixture.store.give(3);
    assert_eq!(fixture.busy(2, 0), Some(claims[0]));
    assert_eq!(fixture.woken(), [0, 1, 1]);
    let full = Offer { capacity: 0, computing: 0, claims: true, sleeps: true };
    assert!(matches!(fixture.take(2, full), Taken::Nothing), "lane 0 sleeps with capacity");
    fixture.woken();
    fixture.intake.close();
    assert_eq!(fixture.woken(), [0, 0, 1], "the others have been woken for the tasks");
    let offer = Offer { capacity: 4, computing: 0, claims: true, sleeps: true };
    assert!(matches!(fixture.take(0, offer), Taken::Closed(left) if left == claims[1..]));
    assert!(matches!(fixture.take(1, offer), Taken::Closed(left) if left.is_empty()));
    assert!(fixture.store.next_claim().is_none());
}

#[test]
fn failed_claim_is_made_again_after_a_pause() {
    let fixture = Fixture::new(1);
    let (_, answer) = fixture.store.next_claim().expect("a claim");
    answer.send(Err(TransportError::Unavailable(Arc::new(std::fmt::Error)))).expect("it waits");
    assert_eq!(fixture.woken(), [1]);
    assert_eq!(fixture.sleep(0), None);
    assert!(fixture.store.next_claim().is_none());
    fixture.clock.advance(RETRY_PAUSE);
    assert_eq!(fixture.woken(), [1]);
    assert_eq!(fixture.sleep(0), None);
    let claims = fixture.store.give(1);
    assert_eq!(fixture.sleep(0), Some(claims[0]));
}

#[test]
fn detached_instance_closes_the_intake() {
    let fixture = Fixture::new(2);
    let (_, answer) = fixture.store.next_claim().expect("a claim");
    answer.send(Err(TransportError::Detached)).expect("it waits");
    assert_eq!(fixture.woken(), [0, 1]);
    let offer = Offer { capacity: 4, computing: 0, claims: true, sleeps: true };
    assert!(matches!(fixture.take(1, offer), Taken::Closed(_)));
    assert_eq!(fixture.woken(), [1, 0]);
}

#[test]
fn task_can_be_stopped_before_it_begins() {
    let fixture = Fixture::new(1);
    let claims = fixture.store.give(2);
    fixture.intake.stop(&claims[0], Stop::Lost); // it is on its way
    assert_eq!(fixture.sleep(0), Some(claims[0]));
    fixture.intake.stop(&claims[1], Stop::Lost); // it waits for a lane
    // Far more than those that are to be begun.
    for _ in 0..12_000 {
        let (running, stop) = (claimed().claim, StopToken::new());
        fixture.lanes[0].begin(running, stop.clone());
        fixture.intake.stop(&running, Stop::Lost);
        assert_eq!(stop.get(), Some(Stop::Lost), "a lane has it");
    }
    for claim in claims {
        let stop = StopToken::new();
        fixture.lanes[0].begin(claim, stop.clone());
        assert_eq!(stop.get(), Some(Stop::Lost));
    }
}

#[test]
fn run_is_found_wherever_the_worker_has_it() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(2);
    let activity = |claim: &Claim| fixture.intake.inspect(claim).map(|state| state.activity);
    assert_eq!(activity(&claims[0]), None, "it is on its way");
    assert_eq!(fixture.sleep(1), Some(claims[0]));
    fixture.lanes[1].begin(claims[0], StopToken::new());
    assert_eq!(activity(&claims[0]), Some(RunActivity::Native));
    assert_eq!(activity(&claims[1]), Some(RunActivity::Claimed), "no lane has begun it");
    let another = Claim { delivery: 2, ..claims[0] };
    assert_eq!(activity(&another), None, "it is another run");
    fixture.lanes[1].end(std::iter::once(claims[0]));
    assert_eq!(activity(&claims[0]), None);
}

#[test]
fn tasks_are_released_when_all_lanes_are_blocked() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(3);
    assert_eq!(fixture.sleep(1), Some(claims[0]));
    fixture.lanes[1].tick(fixture.clock.now());
    fixture.clock.advance(Duration::from_secs(1));
    assert!(fixture.intake.release(Duration::from_millis(500)).is_empty(), "a lane sleeps");
    fixture.lanes[0].tick(fixture.clock.now());
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.intake.release(Duration::from_millis(500)), claims[1..]);
    assert!(fixture.store.next_claim().is_none());
}

#[test]
fn tasks_are_released_when_the_only_lane_with_room_is_blocked() {
    let fixture = Fixture::new(2);
    let claims = fixture.store.give(3);
    assert_eq!(fixture.sleep(1), Some(claims[0]));
    let full = Offer { capacity: 0, computing: 0, claims: true, sleeps: true };
    assert!(matches!(fixture.take(0, full), Taken::Nothing), "it sleeps, and has no capacity");
    fixture.lanes[1].tick(fixture.clock.now());
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.intake.release(Duration::from_millis(500)), claims[1..]);
}
