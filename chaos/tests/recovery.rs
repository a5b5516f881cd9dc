//! The cost of the death of a process with thousands of tasks, and which task is blamed for it.
//!
//! `RECOVERY_RUNNING` and `RECOVERY_WAITING` say how many tasks run and wait (1,000 and 100 unless they are set).

#![expect(clippy::print_stdout, reason = "it reports how long it took")]
#![cfg(target_os = "linux")]

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::executor::block_on;
use futures::stream;
use rhai_dispatcher::transport::InstanceId;
use rhai_dispatcher::{
    RhaiDispatcher, RhaiDispatcherBuilder, RhaiTaskDetails, TaskErrorKind, TaskId, TaskStatus, WorkerId,
};
use rhai_dispatcher_chaos::Process;
use rhai_dispatcher_test_redis::RedisServer;

/// Runs until the gate is opened.
const SLEEPER: &str = "while !may_end() { sleep(1) }";

/// Kills its process.
const POISON: &str = "die()";

/// The worker id of all tasks.
const WORKER_ID: &str = "chaos";

/// The longest wait for an event.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many submits are under way at once.
const AT_ONCE: usize = 256;

struct Site {
    directory: tempfile::TempDir,
    redis: RedisServer,
    client: RhaiDispatcher,
}

impl Site {
    fn new() -> Self {
        let redis = RedisServer::start();
        let client = RhaiDispatcherBuilder::new().caller_id("recovery").url(redis.url());
        let client = block_on(client.connect()).expect("the server answers");
        Self { directory: tempfile::tempdir().expect("a directory"), redis, client }
    }

    fn journal(&self) -> PathBuf {
        self.directory.path().join("journal")
    }

    fn worker(&self, args: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chaos-worker"));
        command.args(["--url", &self.redis.url(), "--journal"]).arg(self.journal()).args(args);
        Process::start(&mut command, &self.directory.path().join("worker.log")).expect("it starts")
    }

    fn submit(&self, script: &'static str, count: usize) -> Vec<TaskId> {
        let submits = (0..count).map(|_| {
            let request = self.client.new_play_request().worker_id(WORKER_ID).script(script);
            let request = request.timeout(Duration::from_secs(3_600));
            async { request.submit().await.expect("it is accepted") }
        });
        block_on(stream::iter(submits).buffered(AT_ONCE).collect())
    }

    /// Lets all sleepers end.
    fn open_gate(&self) {
        File::create(self.journal().with_extension("open")).expect("a file");
    }

    /// Waits until one instance, none of `dead`, runs so many tasks, and answers which.
    #[track_caller]
    fn all_run(&self, count: usize, dead: &[InstanceId]) -> InstanceId {
        let worker_id = WorkerId::try_from(WORKER_ID).expect("a worker id");
        let mut found = None;
        until("all tasks to run on one instance", || {
            let instances = block_on(self.client.transport().instances(Some(&worker_id)));
            let instances = instances.expect("the server answers");
            let one = instances.iter().find(|one| one.claimed >= count && !dead.contains(&one.instance));
            found = one.map(|one| one.instance);
            found.is_some()
        });
        found.expect("it was found")
    }

    fn outcomes(&self, ids: &[TaskId]) -> Vec<RhaiTaskDetails> {
        let waits = ids.iter().map(|id| self.client.transport().outcome(*id));
        let all = stream::iter(waits).buffered(AT_ONCE).map(|details| *details.expect("an outcome"));
        block_on(all.collect())
    }
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn size(variable: &str, default: usize) -> usize {
    let size = std::env::var(variable).ok();
    size.map_or(default, |size| size.parse().expect("a number of tasks"))
}

#[test]
fn task_that_aborts_a_supervised_worker_is_the_only_one_that_is_blamed() {
    let (running, waiting) = (size("RECOVERY_RUNNING", 1_000), size("RECOVERY_WAITING", 100));
    let site = Site::new();
    let _worker = site.worker(&["--supervised"]);
    let mut others = site.submit(SLEEPER, running);
    site.all_run(running, &[]);
    let worker_id = WorkerId::try_from(WORKER_ID).expect("a worker id");
    let pause = |paused| {
        block_on(site.client.transport().set_paused(&worker_id, paused)).expect("the server answers");
    };
    pause(true);
    others.extend(site.submit(SLEEPER, waiting / 2));
    let poison = site.submit(POISON, 1);
    others.extend(site.submit(SLEEPER, waiting - waiting / 2));
    let start = Instant::now();
    pause(false);

    let details = &site.outcomes(&poison)[0];
    let took = start.elapsed();
    let error = details.error.as_ref().expect("an error");
    assert_eq!((error.kind, details.deaths), (TaskErrorKind::Crashed, 3), "{details:?}");
    site.open_gate();
    let details = site.outcomes(&others);
    let all = start.elapsed();
    let blamed: Vec<_> =
        details.iter().filter(|one| one.deaths > 0 || one.status != TaskStatus::Completed).collect();
    assert!(blamed.is_empty(), "{} of {}, such as {:?}", blamed.len(), details.len(), blamed[0]);
    println!(
        "{running} running, {waiting} waiting: the poison was crashed after {took:.2?}, all had ended after {all:.2?}"
    );
}

#[test]
fn tasks_that_three_hosts_are_lost_with_end_as_completed() {
    let running = size("RECOVERY_RUNNING", 1_000);
    let site = Site::new();
    let ids = site.submit(SLEEPER, running);
    let mut dead = Vec::new();
    for host in 1..=3 {
        let supervised = site.worker(&["--supervised"]);
        let start = Instant::now();
        dead.push(site.all_run(running, &dead));
        println!("host {host}: {running} tasks run after {:.2?}", start.elapsed());
        drop(supervised); // with its child
    }
    let _worker = site.worker(&[]);
    let start = Instant::now();
    site.all_run(running, &dead);
    println!("host 4: {running} tasks run after {:.2?}", start.elapsed());
    site.open_gate();
    for details in site.outcomes(&ids) {
        assert_eq!((details.status, details.deaths), (TaskStatus::Completed, 3), "{details:?}");
    }
}
