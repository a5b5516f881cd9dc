//! `Dispatcher::tasks` while tasks move: steps between its reads.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::IntoFuture;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use rhai_dispatcher_core::{
    ActivityFilter, Claimed, Clock, Completion, Consumer, Dispatcher, DispatcherConfig, EndedRun, Finish,
    InstanceSpec, Json, ListedTask, ManualClock, Outcome, Payload, Task, TaskId, TaskLog, TaskStatus,
    Transport, TransportExt, WorkerId,
};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

/// A queue whose tasks move by single steps: what is delayed becomes due, what is ready starts, and what runs ends.
struct Fixture {
    clock: ManualClock,
    transport: Arc<dyn Transport>,
    dispatcher: Dispatcher,
    consumer: Arc<dyn Consumer>,
    running: Vec<Claimed>,
    /// The state of a generator of random numbers.
    random: u64,
}

impl Fixture {
    fn new(seed: u64) -> Self {
        let clock = ManualClock::new();
        let config = MemoryConfig::default().with_clock(Arc::new(clock.clone()));
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(config));
        let dispatcher = Dispatcher::new(Arc::clone(&transport), DispatcherConfig::new("lister").unwrap());
        let consumer = block_on(transport.attach(InstanceSpec::new(worker()))).unwrap();
        Self { clock, transport, dispatcher, consumer, running: Vec::new(), random: seed }
    }

    /// Some tasks of each kind.
    fn submit(&mut self, count: usize) -> BTreeSet<TaskId> {
        let mut ids = BTreeSet::new();
        for number in 0..count {
            let delay = Duration::from_millis(if number % 3 == 0 { self.below(40) } else { 0 });
            let task = Task { delay, ..Task::new(worker(), Payload::script("1"), "caller") };
            ids.insert(block_on(self.transport.submit_one(task)).unwrap().task_id());
        }
        for _ in 0..self.below(1 + count as u64 / 3) {
            self.start();
        }
        ids
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % limit
    }

    fn step(&mut self) {
        match self.below(3) {
            // Far below the lease.
            0 => self.clock.advance(Duration::from_millis(1)),
            1 => self.start(),
            _ => self.end(),
        }
    }

    fn start(&mut self) {
        if block_on(self.transport.queue(&worker())).unwrap().ready.iter().sum::<usize>() > 0 {
            self.running.extend(block_on(self.consumer.claim(NonZeroUsize::MIN)).unwrap());
        }
    }

    fn end(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let index = self.below(self.running.len() as u64) as usize;
        let Claimed { claim, task, attempt, queue_time, .. } = self.running.swap_remove(index);
        let finish = Finish::Outcome(Outcome::Completed(Json::default().into()));
        let ended = block_on(self.consumer.finish(&[Completion { claim, finish, log: TaskLog::new() }]));
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        self.consumer.record_activity(vec![EndedRun {
            task,
            claim,
            attempt,
            status: TaskStatus::Completed,
            queue_time,
            run_time: Duration::ZERO,
            ended_at: self.clock.now(),
            cancel_reason: None,
            error: None,
        }]);
    }
}

fn worker() -> WorkerId {
    WorkerId::try_from("a").unwrap()
}

#[test]
fn each_task_is_on_a_page_while_tasks_move_between_the_pages() {
    for seed in 0..300 {
        let mut fixture = Fixture::new(seed);
        let expected = fixture.submit(12);
        let (mut found, mut after) = (BTreeSet::new(), None);
        loop {
            let limit = 1 + fixture.below(3) as usize;
            let request = fixture.dispatcher.task_list(ActivityFilter::new()).limit(limit).after(after);
            let page = block_on(request.into_future()).unwrap();
            found.extend(page.tasks.iter().map(ListedTask::task_id));
            after = page.next;
            if after.is_none() {
                break;
            }
            for _ in 0..fixture.below(6) {
                fixture.step();
            }
        }
        assert_eq!(found, expected, "with the seed {seed}");
    }
}

#[test]
fn each_task_is_listed_once_while_tasks_move() {
    for seed in 0..30 {
        let mut fixture = Fixture::new(seed);
        let expected = fixture.submit(300);
        let (mut found, mut tasks) = (BTreeMap::new(), fixture.dispatcher.tasks(ActivityFilter::new()));
        while let Some(task) = block_on(tasks.next()) {
            *found.entry(task.unwrap().task_id()).or_insert(0) += 1;
            for _ in 0..fixture.below(4) {
                fixture.step();
            }
        }
        assert!(found.values().all(|times| *times == 1), "with the seed {seed}: {found:?}");
        assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), expected, "with the seed {seed}");
    }
}
