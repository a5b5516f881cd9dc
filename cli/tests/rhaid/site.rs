use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rhai_dispatcher_test_redis::RedisServer;
use serde_json::Value;

use crate::command::{Ended, ended, rhaid, signal};
use crate::following::Following;

/// A Redis server. `RHAID_URL` has its URL in all commands that this type runs.
pub(crate) struct Site {
    pub(crate) redis: RedisServer,
    url: String,
}

/// A running `rhaid worker`, killed when it is dropped.
pub(crate) struct RunningWorker {
    child: Option<Child>,
    out: BufReader<ChildStdout>,
}

/// Limit on the wait for an expected event.
const PATIENCE: Duration = Duration::from_secs(60);

impl Site {
    pub(crate) fn new() -> Self {
        let redis = RedisServer::start();
        Self { url: redis.url(), redis }
    }

    /// With a server that requires a password.
    pub(crate) fn with_password(password: &str) -> Self {
        let redis = RedisServer::with(&["--save", "", "--requirepass", password]);
        Self { url: redis.url().replace("redis://", &format!("redis://:{password}@")), redis }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `rhaid ARGS…`, with pipes for its standard streams.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = rhaid();
        command.args(args).env("RHAID_URL", &self.url);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end, with nothing on standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        ended(self.command(args).stdin(Stdio::null()).output().expect("rhaid runs"))
    }

    /// Runs the command with a script on standard input.
    pub(crate) fn run_with(&self, script: &str, args: &[&str]) -> Ended {
        let mut child = self.command(args).spawn().expect("rhaid runs");
        // A command line that is refused reads nothing.
        let _ = child.stdin.take().expect("a pipe").write_all(script.as_bytes());
        ended(child.wait_with_output().expect("it ends"))
    }

    /// The output of a command that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    /// The lines of JSON that a command prints.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let out = self.run(&[args, &["--json"]].concat()).out;
        out.lines().map(|line| serde_json::from_str(line).expect("one line of JSON")).collect()
    }

    /// Submits a script to `worker-1` and returns the task's id.
    #[track_caller]
    pub(crate) fn submit(&self, script: &str, args: &[&str]) -> String {
        let ended = self.run_with(script, &[&["submit", "--worker", "worker-1", "-"], args].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out.trim_end().to_owned()
    }

    /// Waits until `is_so` returns true; `what` names the event in the panic message.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl FnMut() -> bool) {
        Self::until_so(what, is_so);
    }

    /// The same, without a server.
    #[track_caller]
    pub(crate) fn until_so(what: &str, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "it should have been so by now: {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The record of a task, once it satisfies `condition`.
    #[track_caller]
    pub(crate) fn record(&self, id: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let mut record = Value::Null;
        self.until("a task's record", || {
            record = self.json(&["status", id]).pop().expect("a record");
            condition(&record)
        });
        record
    }

    /// The record of a task, once it runs.
    #[track_caller]
    pub(crate) fn running(&self, id: &str) -> Value {
        self.record(id, |record| record["status"] == "processing")
    }

    /// Waits until a task has printed its first line. One that only has been claimed is released by a worker that drains.
    pub(crate) fn begun(&self, id: &str) {
        let mut tail = Following::start(self, &["tail", id], "");
        tail.line();
        tail.kill();
    }

    /// Starts a worker for `worker-1` and waits until it serves.
    pub(crate) fn worker(&self, args: &[&str]) -> RunningWorker {
        self.worker_for("worker-1", args)
    }

    /// Starts a worker for `worker_id` and waits until it serves.
    pub(crate) fn worker_for(&self, worker_id: &str, args: &[&str]) -> RunningWorker {
        let mut command =
            self.command(&[&["worker", "--id", worker_id, "--threads", "1", "--json"], args].concat());
        let mut child = command.stdin(Stdio::null()).spawn().expect("rhaid runs");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut worker = RunningWorker { child: Some(child), out };
        let serving = worker.event();
        assert_eq!(serving["event"], "serving", "{serving}");
        worker
    }
}

impl RunningWorker {
    /// The next line of JSON that the worker prints.
    pub(crate) fn event(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).expect("one line of JSON")
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.as_ref().expect("it runs"), name);
    }

    /// Waits for the worker's end.
    pub(crate) fn end(mut self) -> Ended {
        ended(self.child.take().expect("it runs").wait_with_output().expect("it ends"))
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
