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
    let lane = |index| Arc::new(LaneState::new(SlotOfLane::new(slots.clone(), index), Arc::clone(&early)));
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
    let monitor =
        InstanceMonitor::new(consumer, clock_of_it, config, lanes, intake, lane_ends, shutdown_asked);
    let mut run = Box::pin(monitor.run());
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
            given_up.push(noted.next().await.expect("the monitor lives"));
        }
    });
    let finish =
        |claim: &Claim| given_up.iter().find(|done| done.claim == *claim).map(|done| done.finish.clone());
    let [requeued, abandoned] = [Some(Finish::Requeue), Some(Finish::Abandon)];
    let expected = [requeued.clone(), abandoned, requeued.clone(), requeued, None];
    assert_eq!(claims.iter().map(finish).collect::<Vec<_>>(), expected);
}
