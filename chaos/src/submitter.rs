use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use futures::FutureExt;
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::join;
use futures::task::LocalSpawnExt;
use rhai_dispatcher::task::{Payload, RetryPolicy, Task};
use rhai_dispatcher::transport::{SubmitError, SubmitOneError, TransportExt};
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherBuilder, RhaiDispatcherError, TaskId, WorkerId};

use crate::ledger::outcome_told;
use crate::{Event, Journal, PREFIX, TaskKind, Tether, WORKER_ID};

/// Submits tasks at a steady rate until it is asked to end, or many at once.
#[derive(Debug, Clone, Parser)]
pub struct ChaosSubmitter {
    /// The server
    #[arg(long)]
    url: String,
    /// The journal
    #[arg(long)]
    journal: PathBuf,
    /// What decides the mixture
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Submits so many tasks at once instead, and ends after they have ended
    #[arg(long)]
    burst: Option<usize>,
    /// How long those sleep, in seconds
    #[arg(long, default_value_t = 0.0)]
    seconds: f64,
    /// Submits a task that kills its worker in the middle of them
    #[arg(long)]
    poison: bool,
}

/// How many tasks one submitter submits per second.
const RATE: u64 = 40;

/// How many tasks it has under way at most; it then submits none until some have ended.
const MAX_UNDER_WAY: usize = 2_000;

/// How many tasks of a burst are submitted before it looks whether it is to end.
const BURST_STEP: usize = 100;

/// How often it looks whether all of a burst was accepted.
const ACCEPTED_LOOK: Duration = Duration::from_millis(5);

/// How long a wait lasts at most: longer than any fault and what it takes to recover.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long the child of a task that is cancelled sleeps: it is running by then, or waits.
const CHILD_SECONDS: f64 = 0.4;

/// The pause before a failed call is repeated.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a failed submit is repeated: with the time of each call, longer than any fault.
const TRIES: usize = 20;

impl ChaosSubmitter {
    /// Submits.
    ///
    /// # Panics
    /// If it can't: the process is to end with an error.
    pub fn run(self, mut tether: Tether) {
        let journal = Journal::open(&self.journal).expect("a journal");
        let client = client(&self.url, "submitter");
        let side = Side { client, journal, under_way: Arc::new(()), accepted: Rc::default() };
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        match self.burst {
            Some(count) => {
                if self.poison {
                    pool.run_until(side.set_paused(true));
                }
                for index in 0..count {
                    let kind = if self.seconds > 0.0 { TaskKind::Long } else { TaskKind::Trivial };
                    side.begin(&spawner, kind, self.seconds, false);
                    if self.poison && index == count / 2 {
                        side.begin(&spawner, TaskKind::Poison, 0.0, false);
                    }
                    if index % BURST_STEP == 0 {
                        pool.run_until_stalled();
                    }
                }
                if self.poison {
                    // Until then nothing of the queue is claimed, so all of them wait.
                    while side.accepted.get() <= count && Arc::strong_count(&side.under_way) > 1 {
                        pool.run_until(side.sleep(ACCEPTED_LOOK));
                    }
                    side.journal.note(Event::Loosed {});
                    pool.run_until(side.set_paused(false));
                }
            }
            None => {
                let mut random = fastrand::Rng::with_seed(self.seed);
                while !tether.is_drained() {
                    pool.run_until(side.sleep(Duration::from_millis(1_000 / RATE)));
                    if Arc::strong_count(&side.under_way) > MAX_UNDER_WAY {
                        continue;
                    }
                    let kind = match random.u32(..100) {
                        0..40 => TaskKind::Trivial,
                        40..85 => TaskKind::Sleeper,
                        85..93 => TaskKind::Retry,
                        _ => TaskKind::Cancelled,
                    };
                    // What is cancelled has to be running by then.
                    let least = if kind == TaskKind::Cancelled { 0.3 } else { 0.05 };
                    side.begin(&spawner, kind, least + random.f64() * (0.5 - least), random.u32(..4) == 0);
                }
            }
        }
        pool.run();
    }
}

/// What its tasks share.
#[derive(Clone)]
struct Side {
    client: RhaiDispatcher,
    journal: Journal,
    /// Counts the tasks that have not ended, by its clones.
    under_way: Arc<()>,
    /// How many were accepted.
    accepted: Rc<Cell<usize>>,
}

impl Side {
    fn begin(&self, spawner: &LocalSpawner, kind: TaskKind, seconds: f64, in_one: bool) {
        let side = self.clone();
        let script = kind.script(seconds);
        let submit = async move {
            if in_one && kind != TaskKind::Cancelled {
                side.ask(kind, script).await;
            } else {
                side.submit_and_wait(kind, script, None).await;
            }
        };
        spawner.spawn_local(submit).expect("the pool lives");
    }

    /// Submits and waits in one call, as most programs do.
    async fn ask(&self, kind: TaskKind, script: String) {
        let request = self.client.new_play_request().worker_id(WORKER_ID).script(script);
        let request = request.context_id(kind.as_str()).timeout(PATIENCE).keep_on_timeout();
        let retries = retries(kind);
        let request =
            request.retries(retries.max_retries).backoff(retries.first_backoff, retries.max_backoff);
        match request.await_response().await {
            Ok(details) => {
                let task = details.task_id;
                self.journal.note(Event::Accepted { task, kind });
                self.journal.note(Event::Outcome { task, outcome: outcome_told(&details) });
            }
            Err(RhaiDispatcherError::Timeout(timed_out)) => {
                self.journal.note(Event::TimedOut { task: timed_out.task_id() });
            }
            Err(RhaiDispatcherError::Lost(task)) => self.journal.note(Event::Lost { task }),
            // It is unknown whether it was accepted, and no caller waits.
            Err(error) => self.journal.note(Event::Failed { error: error.to_string() }),
        }
    }

    /// Submits until the task is accepted, or its parent is cancelled, then waits; other processes may wait too.
    async fn submit_and_wait(&self, kind: TaskKind, script: String, parent: Option<TaskId>) {
        let worker_id = WorkerId::try_from(WORKER_ID).expect("a name");
        let mut task = Task::new(worker_id, Payload::script(script), "submitter");
        task.context_id = Some(kind.as_str().into());
        task.awaited = true;
        task.retry = retries(kind);
        (task.parent, task.depth) = (parent, u32::from(parent.is_some()));
        let id = task.id;
        let mut tries = 0;
        while let Err(error) = self.client.transport().submit_one(task.clone()).await {
            if matches!(error, SubmitOneError::Task(SubmitError::ParentCancelled(_))) {
                return;
            }
            self.journal.note(Event::Failed { error: format!("submit: {error}") });
            tries += 1;
            if tries == TRIES {
                return;
            }
            self.sleep(PAUSE).await;
        }
        self.journal.note(Event::Accepted { task: id, kind });
        self.accepted.set(self.accepted.get() + 1);
        if kind == TaskKind::Cancelled {
            let child = TaskKind::Child;
            let child = self.submit_and_wait(child, child.script(CHILD_SECONDS), Some(id)).boxed_local();
            join(child, self.cancel_and_wait(id)).await;
        } else {
            wait(&self.client, &self.journal, id).await;
        }
    }

    async fn cancel_and_wait(&self, task: TaskId) {
        self.sleep(PAUSE).await;
        while let Err(error) = self.client.cancel(task).await {
            self.journal.note(Event::Failed { error: format!("cancel: {error}") });
            self.sleep(PAUSE).await;
        }
        wait(&self.client, &self.journal, task).await;
    }

    /// Pauses or resumes the queue.
    async fn set_paused(&self, paused: bool) {
        let worker_id = WorkerId::try_from(WORKER_ID).expect("a name");
        while let Err(error) = self.client.transport().set_paused(&worker_id, paused).await {
            self.journal.note(Event::Failed { error: format!("pause: {error}") });
            self.sleep(PAUSE).await;
        }
    }

    async fn sleep(&self, duration: Duration) {
        sleep(&self.client, duration).await;
    }
}

/// A dispatcher at that server.
pub(crate) fn client(url: &str, caller_id: &'static str) -> RhaiDispatcher {
    let builder = RhaiDispatcherBuilder::new().caller_id(caller_id).url(url).prefix(PREFIX);
    builder.build().expect("a dispatcher")
}

/// Waits for a task, and notes what comes of it.
pub(crate) async fn wait(client: &RhaiDispatcher, journal: &Journal, task: TaskId) {
    journal.note(Event::Waiting { task });
    loop {
        let event = match client.wait(task, PATIENCE).await {
            Ok(details) => Event::Outcome { task, outcome: outcome_told(&details) },
            Err(RhaiDispatcherError::Timeout(_)) => Event::TimedOut { task },
            Err(RhaiDispatcherError::Lost(_) | RhaiDispatcherError::NotFound(_)) => Event::Lost { task },
            Err(error) => {
                journal.note(Event::Failed { error: format!("wait: {error}") });
                sleep(client, PAUSE).await;
                continue;
            }
        };
        journal.note(event);
        return;
    }
}

pub(crate) async fn sleep(client: &RhaiDispatcher, duration: Duration) {
    let clock = client.transport().clock();
    clock.sleep_until(clock.now() + duration).await;
}

fn retries(kind: TaskKind) -> RetryPolicy {
    let mut policy = RetryPolicy::never();
    if kind == TaskKind::Retry {
        policy.max_retries = 2;
        policy.first_backoff = Duration::from_millis(50);
        policy.max_backoff = Duration::from_millis(200);
    }
    policy
}
