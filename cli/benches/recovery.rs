//! Time until 10,000 sleeping scripts of a dead worker run again, over Redis. Two cases: the
//! child of a `rhaid worker` is killed, and a whole `rhaid worker` is killed while another one serves.
//!
//! Run it with `cargo bench -p rhaid --bench recovery`. It needs `redis-server`, and Linux, where it finds the child.

#![expect(clippy::print_stdout, reason = "it reports to its terminal")]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::executor::block_on;
use futures::stream;
use rhai_dispatcher::transport::InstanceId;
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherBuilder, WorkerId};
use rhai_dispatcher_test_redis::RedisServer;

/// Number of sleeping scripts.
const TASKS: usize = 10_000;

/// Number of measurements for each case.
const ROUNDS: usize = 3;

/// A `rhaid worker`, killed when it is dropped.
struct Worker(Child);

impl Worker {
    fn start(url: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhaid"));
        command.args(["worker", "--id", "worker-1", "--url", url]).env("RUST_LOG", "error");
        Self(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("rhaid runs"),
        )
    }

    /// The id of the process that runs the scripts.
    fn child(&self) -> String {
        let parent = self.0.id();
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        children.expect("Linux tells the children").trim().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until an instance other than `dead` has claimed all tasks. Returns that instance and the time of the wait.
fn all_claimed(client: &RhaiDispatcher, dead: &[InstanceId]) -> (InstanceId, Duration) {
    let start = Instant::now();
    let worker_id = WorkerId::try_from("worker-1").expect("a worker id");
    loop {
        let instances = block_on(client.transport().instances(Some(&worker_id))).expect("the server answers");
        let all = instances.iter().find(|one| one.claimed == TASKS && !dead.contains(&one.instance));
        if let Some(one) = all {
            return (one.instance, start.elapsed());
        }
        assert!(start.elapsed() < Duration::from_secs(600), "they should run by now: {instances:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn main() {
    let redis = RedisServer::start();
    let url = redis.url();
    let client = RhaiDispatcherBuilder::new().caller_id("bench").url(&url);
    let client = block_on(client.connect()).expect("the server answers");
    let mut worker = Worker::start(&url);
    let script: Arc<str> = "sleep(3600)".into();
    let submits = (0..TASKS).map(|_| {
        let request = client.new_play_request().worker_id("worker-1").script(Arc::clone(&script));
        async { request.timeout(Duration::from_secs(7_200)).submit().await.expect("it is accepted") }
    });
    block_on(stream::iter(submits).buffer_unordered(1_024).for_each(|_| async {}));
    let (mut instance, _) = all_claimed(&client, &[]);
    let mut dead = Vec::new();

    for round in 1..=ROUNDS {
        dead.push(instance);
        let killed = Command::new("kill").args(["-9", &worker.child()]).status().expect("kill runs");
        assert!(killed.success(), "the child is killed");
        let (next, took) = all_claimed(&client, &dead);
        instance = next;
        println!("{TASKS} scripts, child killed, round {round}: all run again after {took:.2?}");
    }
    // From the second death on, the scripts are quarantined and start in groups.
    for round in 1..=ROUNDS {
        dead.push(instance);
        let other = Worker::start(&url);
        let serves = || block_on(client.transport().instances(None)).expect("the server answers").len() == 2;
        while !serves() {
            thread::sleep(Duration::from_millis(10));
        }
        drop(std::mem::replace(&mut worker, other));
        let (next, took) = all_claimed(&client, &dead);
        instance = next;
        println!(
            "{TASKS} scripts, worker killed, each lost for time {round}: all run elsewhere after {took:.2?}"
        );
    }
}
