//! `Dispatcher::tasks` over this transport.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use rhai_dispatcher_core::{
    Consumer, Dispatcher, DispatcherConfig, InstanceSpec, ListedTask, ManualClock, Payload, Progress,
    QueuePart, Task, TaskCursor, TaskFilter, TaskId, TaskStatus, Transport, TransportError, TransportExt,
    WorkerId,
};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

struct Fixture {
    clock: ManualClock,
    transport: Arc<dyn Transport>,
    dispatcher: Dispatcher,
}

impl Fixture {
    fn new() -> Self {
        let clock = ManualClock::new();
        let config = MemoryConfig::default().with_clock(Arc::new(clock.clone()));
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(config));
        let dispatcher = Dispatcher::new(Arc::clone(&transport), DispatcherConfig::new("lister").unwrap());
        Self { clock, transport, dispatcher }
    }

    /// Submits a task, a millisecond after the one before.
    fn submit(&self, worker_id: &str, caller: &str, delay: Duration) -> TaskId {
        self.clock.advance(Duration::from_millis(1));
        let mut task = Task::new(worker(worker_id), Payload::script("1"), caller);
        task.delay = delay;
        block_on(self.transport.submit_one(task)).unwrap().task_id()
    }

    fn claim(&self, worker_id: &str) -> (Arc<dyn Consumer>, TaskId) {
        let spec = InstanceSpec::new(worker(worker_id));
        let consumer = block_on(self.transport.attach(spec)).unwrap();
        let claimed = block_on(consumer.claim(NonZeroUsize::MIN)).unwrap();
        (consumer, claimed[0].claim.task)
    }

    fn list(&self, filter: TaskFilter) -> Vec<ListedTask> {
        block_on(self.dispatcher.tasks(filter).try_collect()).unwrap()
    }

    fn ids(&self, filter: TaskFilter) -> Vec<TaskId> {
        self.list(filter).into_iter().map(|task| task.details.task_id).collect()
    }
}

fn worker(id: &str) -> WorkerId {
    WorkerId::try_from(id).unwrap()
}

const NOW: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn worker_ids_are_merged_by_the_age_of_their_tasks() {
    let fixture = Fixture::new();
    let mut ids = Vec::new();
    for number in 0..600 {
        // More of one than are read at once.
        let worker_id = if number % 3 == 0 { "a" } else { "b" };
        ids.push(fixture.submit(worker_id, "caller", NOW));
    }
    let delayed = fixture.submit("a", "caller", HOUR);
    let (_consumer, running) = fixture.claim("b");
    assert_eq!(running, ids[1]);
    ids.remove(1);
    let expected: Vec<_> = [vec![running], ids, vec![delayed]].concat();
    assert_eq!(fixture.ids(TaskFilter::default()), expected);
}

#[test]
fn filters_narrow_the_list() {
    let fixture = Fixture::new();
    let old = fixture.submit("a", "ann", NOW);
    let (_consumer, running) = fixture.claim("a");
    assert_eq!(old, running);
    fixture.clock.advance(SECOND); // its lease is longer
    let (young, other) = (fixture.submit("b", "bob", NOW), fixture.submit("b", "ann", HOUR));
    let filter = TaskFilter::default;
    assert_eq!(fixture.ids(filter().with_status(TaskStatus::Processing)), [running]);
    assert_eq!(fixture.ids(filter().with_status(TaskStatus::Pending)), [young, other]);
    assert_eq!(fixture.ids(filter().with_status(TaskStatus::Completed)), []);
    assert_eq!(fixture.ids(filter().with_worker_id(worker("b"))), [young, other]);
    assert_eq!(fixture.ids(filter().with_caller_id("ann")), [running, other]);
    assert_eq!(fixture.ids(filter().with_caller_id("ann").with_caller_id("bob")), [running, young, other]);
    assert_eq!(fixture.ids(filter().with_older_than(SECOND)), [running]);
    assert_eq!(fixture.ids(filter().with_caller_id("eve")), []);
}

#[test]
fn listed_task_says_what_it_waits_for() {
    let fixture = Fixture::new();
    let id = fixture.submit("a", "caller", NOW);
    let listed = fixture.list(TaskFilter::default());
    assert_eq!(listed[0].progress, Progress::NotServed { worker_id: worker("a") });
    let (consumer, running) = fixture.claim("a");
    assert_eq!(running, id);
    let listed = fixture.list(TaskFilter::default());
    assert!(
        matches!(listed[0].progress, Progress::Running { instance, .. } if instance == Some(consumer.instance()))
    );
}

#[test]
fn reader_that_stops_reads_no_further() {
    let fixture = Fixture::new();
    let ids: Vec<_> = (0..100).map(|_| fixture.submit("a", "caller", NOW)).collect();
    let first: Vec<_> =
        block_on(fixture.dispatcher.tasks(TaskFilter::default()).take(3).try_collect::<Vec<_>>()).unwrap();
    assert_eq!(first.iter().map(|task| task.details.task_id).collect::<Vec<_>>(), ids[..3]);
}

#[test]
fn cursor_of_another_transport_is_refused() {
    let fixture = Fixture::new();
    fixture.submit("a", "caller", NOW);
    for part in QueuePart::ALL {
        let from = TaskCursor::after(part, "1_2_3");
        let refused = block_on(fixture.transport.tasks(&worker("a"), &from, NonZeroUsize::MIN));
        let Err(TransportError::Protocol(why)) = refused else { panic!("{refused:?}") };
        assert!(why.to_string().starts_with("cursor: this transport has not made it"), "{why}");
    }
}
