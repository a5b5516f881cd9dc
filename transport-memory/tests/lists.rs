//! `Dispatcher::tasks` over this transport.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::future::IntoFuture;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use rhai_dispatcher_core::{
    ActivityFilter, CancelReason, Consumer, Dispatcher, DispatcherConfig, InstanceSpec, ListedTask,
    ManualClock, Payload, Progress, QueuePart, Task, TaskCursor, TaskId, TaskListCursor, TaskListPage,
    Transport, TransportError, TransportExt, WorkerId,
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

    fn list(&self, filter: &str) -> Vec<ListedTask> {
        let filter: ActivityFilter = filter.parse().unwrap();
        block_on(self.dispatcher.tasks(filter).try_collect()).unwrap()
    }

    /// The same in pages of `limit`.
    fn paged(&self, filter: &str, limit: usize) -> Vec<TaskId> {
        let filter: ActivityFilter = filter.parse().unwrap();
        let (mut ids, mut after): (Vec<TaskId>, _) = (Vec::new(), None);
        loop {
            let request = self.dispatcher.task_list(filter.clone()).limit(limit).after(after);
            let page = block_on(request.into_future()).unwrap();
            assert!(page.tasks.len() <= limit);
            ids.extend(page.tasks.iter().map(ListedTask::task_id));
            after = page.next;
            if after.is_none() {
                return ids;
            }
        }
    }

    fn ids(&self, filter: &str) -> Vec<TaskId> {
        self.list(filter).iter().map(ListedTask::task_id).collect()
    }
}

fn worker(id: &str) -> WorkerId {
    WorkerId::try_from(id).unwrap()
}

const NOW: Duration = Duration::ZERO;
fn progress(task: &ListedTask) -> Progress {
    let ListedTask::Unfinished { progress, .. } = task else { panic!("it has not ended: {task:?}") };
    progress.clone()
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn running_tasks_come_first_and_worker_ids_by_name() {
    let fixture = Fixture::new();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for number in 0..600 {
        // More of one than are read at once.
        let (worker_id, ids) = if number % 3 == 0 { ("a", &mut a) } else { ("b", &mut b) };
        ids.push(fixture.submit(worker_id, "caller", NOW));
    }
    let delayed = fixture.submit("a", "caller", HOUR);
    let (_consumer, running) = fixture.claim("b");
    assert_eq!(running, b.remove(0));
    let expected: Vec<_> = [vec![running, delayed], a, b].concat();
    fixture.clock.advance(Duration::from_millis(1)); // it runs since before the list began
    assert!(fixture.ids("") == expected, "the order of all");
    assert!(fixture.paged("", 7) == expected, "the order in pages");
}

#[test]
fn pages_of_rare_tasks_have_each_once() {
    let fixture = Fixture::new();
    let mut wanted = Vec::new();
    for number in 0..2_300 {
        let caller = if number % 20 == 19 { "ann" } else { "caller" };
        let id = fixture.submit("a", caller, NOW);
        wanted.extend((caller == "ann").then_some(id));
    }
    // Each looks at more than one read of ids.
    assert!(fixture.paged("caller:ann", 30) == wanted, "each once, in their order");
}

#[test]
fn filters_narrow_the_list() {
    let fixture = Fixture::new();
    let old = fixture.submit("a", "ann", NOW);
    let (_consumer, running) = fixture.claim("a");
    assert_eq!(old, running);
    fixture.clock.advance(SECOND); // its lease is longer
    let (young, other) = (fixture.submit("b", "bob", NOW), fixture.submit("b", "ann", HOUR));
    let ended = fixture.submit("c", "ann", HOUR);
    block_on(fixture.transport.cancel_one(ended, CancelReason::Asked)).unwrap();
    assert_eq!(fixture.ids(""), [running, other, young, ended]);
    assert_eq!(fixture.ids("status:processing"), [running]);
    assert_eq!(fixture.ids("status:pending"), [other, young]);
    assert_eq!(fixture.ids("status:cancelled status:processing"), [running, ended]);
    assert_eq!(fixture.ids("status:completed"), []);
    assert_eq!(fixture.ids("worker:b"), [other, young]);
    assert_eq!(fixture.ids(&format!("task:{young} task:{ended} task:{}", TaskId::new())).len(), 2);
    assert_eq!(fixture.ids(&format!("task:{young} worker:a")), []);
    assert_eq!(fixture.ids("caller:ann"), [running, other, ended]);
    assert_eq!(fixture.ids("caller:bob caller:eve"), [young]);
    assert_eq!(fixture.ids("older:1s"), [running]);
    assert_eq!(fixture.ids("slower:1s"), [running]);
    assert_eq!(fixture.ids("caller:eve"), []);
}

#[test]
fn listed_task_says_what_it_waits_for() {
    let fixture = Fixture::new();
    let id = fixture.submit("a", "caller", NOW);
    let listed = fixture.list("");
    assert_eq!(progress(&listed[0]), Progress::NotServed { worker_id: worker("a") });
    let (consumer, running) = fixture.claim("a");
    assert_eq!(running, id);
    let listed = fixture.list("");
    assert!(
        matches!(progress(&listed[0]), Progress::Running { instance, .. } if instance == Some(consumer.instance()))
    );
}

#[test]
fn reader_that_stops_reads_no_further() {
    let fixture = Fixture::new();
    let ids: Vec<_> = (0..100).map(|_| fixture.submit("a", "caller", NOW)).collect();
    let first: Vec<_> =
        block_on(fixture.dispatcher.tasks(ActivityFilter::new()).take(3).try_collect::<Vec<_>>()).unwrap();
    assert_eq!(first.iter().map(ListedTask::task_id).collect::<Vec<_>>(), ids[..3]);
}

#[test]
fn page_that_finds_nothing_looks_at_a_bounded_number() {
    let fixture = Fixture::new();
    let most = TaskListPage::MAX_READ;
    for _ in 0..most + 100 {
        fixture.submit("a", "caller", NOW);
    }
    let wanted = fixture.submit("a", "ann", NOW);
    let filter: ActivityFilter = "caller:ann".parse().unwrap();
    let first = block_on(fixture.dispatcher.task_list(filter.clone()).into_future()).unwrap();
    assert_eq!(first.tasks, []);
    assert!((most - 64..=most).contains(&first.looked_at), "{}", first.looked_at);
    let next = first.next.map(|next| next.to_string().parse::<TaskListCursor>().unwrap());
    let second = block_on(fixture.dispatcher.task_list(filter).after(next).into_future()).unwrap();
    assert_eq!(second.tasks.iter().map(ListedTask::task_id).collect::<Vec<_>>(), [wanted]);
    assert_eq!((second.next, first.looked_at + second.looked_at), (None, most + 101));
}

#[test]
fn cursor_of_a_list_with_another_filter_is_refused() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        fixture.submit("a", "caller", NOW);
    }
    let page = block_on(fixture.dispatcher.task_list(ActivityFilter::new()).limit(1).into_future()).unwrap();
    let other: ActivityFilter = "status:processing".parse().unwrap();
    let refused = block_on(fixture.dispatcher.task_list(other).after(page.next).into_future());
    assert!(refused.unwrap_err().to_string().contains("cursor: it is of a list with another filter"));
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
