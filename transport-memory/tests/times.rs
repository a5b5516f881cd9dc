//! What is due in memory, whatever the wall clock says; and how much is kept.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::BoxFuture;
use rhai_dispatcher_core::{
    Claimed, Clock, Completion, Consumer, Finish, InstanceSpec, Json, ManualClock, Outcome, Payload, Task,
    TaskId, TaskLog, TaskStatus, Tick, Transport, TransportConfig, TransportExt, WallTime, WorkerId,
};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

/// A clock whose wall time is off.
#[derive(Debug, Clone, Default)]
struct OffClock {
    clock: ManualClock,
    /// In milliseconds.
    offset: Arc<AtomicI64>,
}

impl Clock for OffClock {
    fn now(&self) -> Tick {
        self.clock.now()
    }

    fn wall(&self) -> WallTime {
        let wall = self.clock.wall().as_millis();
        WallTime::from_millis(wall.saturating_add_signed(self.offset.load(Ordering::Relaxed)))
    }

    fn sleep_until(&self, at: Tick) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(at)
    }
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").expect("a name")
}

fn task() -> Task {
    Task::new(worker_id(), Payload::script("1"), "caller")
}

fn submit(transport: &MemoryTransport, task: Task) -> TaskId {
    block_on(transport.submit_one(task)).expect("accepted").task_id()
}

fn claim(consumer: &Arc<dyn Consumer>) -> Option<Claimed> {
    consumer.claim(NonZeroUsize::MIN).now_or_never().map(|claimed| claimed.expect("a claim").remove(0))
}

fn complete(consumer: &Arc<dyn Consumer>, claimed: &Claimed, output: &str) {
    let finish = Finish::Outcome(Outcome::Completed(Json::of(&output).expect("JSON").into()));
    block_on(consumer.finish(&[Completion { claim: claimed.claim, finish, log: TaskLog::new() }]));
}

#[test]
fn a_wall_clock_that_jumps_decides_nothing() {
    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: i64 = 60 * 60 * 1_000;
    for jump in [HOUR, -HOUR] {
        let clock = OffClock::default();
        let config = TransportConfig::default().with_record_ttl(10 * SECOND).with_lease(60 * SECOND);
        let config = MemoryConfig::default().with_transport(config).with_clock(Arc::new(clock.clone()));
        let transport = MemoryTransport::new(config);
        let consumer = transport.attach_now(&InstanceSpec::new(worker_id()));
        let times = Task { expires_in: Some(5 * SECOND), deadline_in: Some(9 * SECOND), ..task() };
        let start = clock.now();
        let expiring = submit(&transport, times.clone());
        let delayed = submit(&transport, Task { delay: 5 * SECOND, ..task() });
        clock.offset.store(jump, Ordering::Relaxed);
        clock.clock.advance(SECOND);

        let claimed = claim(&consumer).expect("it has not expired");
        assert_eq!(claimed.claim.task, expiring, "{jump}");
        assert_eq!(
            (claimed.latest_start, claimed.deadline),
            (Some(start + 5 * SECOND), Some(start + 9 * SECOND))
        );
        assert!(claim(&consumer).is_none(), "{jump}: its time has not come");
        complete(&consumer, &claimed, "");
        let over = submit(&transport, Task { id: TaskId::new(), ..times });
        clock.clock.advance(4 * SECOND);
        let due = claim(&consumer).expect("its time has come");
        assert_eq!(due.claim.task, delayed, "{jump}");
        clock.clock.advance(SECOND);
        let details = block_on(transport.details_of(over)).expect("a record");
        assert_eq!(details.status, TaskStatus::Cancelled, "{jump}: it has expired");
        assert!(block_on(transport.details_of(expiring)).is_ok(), "{jump}: its record is kept");
        clock.clock.advance(5 * SECOND);
        assert!(block_on(transport.details_of(expiring)).is_err(), "{jump}: its record has expired");
    }
}

#[test]
fn records_take_no_more_bytes_than_they_may() {
    const OUTPUT: usize = 10_000;
    const MOST: usize = 64 * (OUTPUT + 2_000);
    let config = TransportConfig::default().with_max_finished_bytes(MOST);
    // Its lease does not end, however long the tasks take.
    let clock = Arc::new(ManualClock::default());
    let transport = MemoryTransport::new(MemoryConfig::default().with_transport(config).with_clock(clock));
    let consumer = transport.attach_now(&InstanceSpec::new(worker_id()));
    let output = "x".repeat(OUTPUT);
    let mut ids = Vec::new();
    for _ in 0..1_000 {
        ids.push(submit(&transport, task()));
        complete(&consumer, &claim(&consumer).expect("a claim"), &output);
    }
    let kept = block_on(transport.details(&ids)).expect("records").into_iter().flatten().count();
    assert!(kept > 0 && kept * OUTPUT <= 2 * MOST, "{kept} are kept");
    assert!(block_on(transport.details_of(ids[999])).is_ok(), "the newest is there");
}
