use std::env;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use futures::channel::oneshot;
use futures::executor::block_on;
use rhai_dispatcher::transport::{RedisConfig, RedisTransport};
use rhai_dispatcher::{EngineConfig, RhaiWorker, RhaiWorkerBuilder, TaskId};
use rhai_dispatcher_supervision::{Supervised, Supervisor};

use crate::{Event, Journal, PREFIX, Tether, WORKER_ID};

/// A worker that notes each start of a script, and whose scripts can kill it.
#[derive(Debug, Parser)]
pub struct ChaosWorker {
    /// The server
    #[arg(long)]
    url: String,
    /// The journal
    #[arg(long)]
    journal: std::path::PathBuf,
    /// How long running tasks get when it is asked to end, in milliseconds
    #[arg(long, default_value_t = 0)]
    grace: u64,
    /// Serve in a child process, which is restarted when it dies
    #[arg(long)]
    supervised: bool,
}

/// The exit code of a process that panicked, as this one does when it finds no server.
const PANICKED: i32 = 101;

impl ChaosWorker {
    /// Serves until the parent asks for the end.
    ///
    /// # Panics
    /// If it can't: the process is to end with an error.
    pub fn run(self, mut tether: Tether) {
        let worker = self.builder().build().expect("a worker");
        block_on(worker.run(async move { tether.drained().await })).expect("an orderly end");
    }

    /// Whether it is to serve in a child process.
    #[must_use]
    pub const fn is_supervised(&self) -> bool {
        self.supervised
    }

    /// Has a child serve until the parent asks for the end. To be called on the main thread.
    ///
    /// # Panics
    /// If it can't: the process is to end with an error.
    pub fn supervise(self, mut tether: Tether) {
        let program = env::current_exe().expect("this program");
        let command = move || {
            let mut command = Command::new(&program);
            command.args(env::args_os().skip(1));
            command
        };
        let connect = move || {
            let config = RedisConfig::new(&self.url).with_prefix(PREFIX);
            Ok(Arc::new(RedisTransport::new(config).map_err(|error| error.to_string())?) as _)
        };
        let supervisor = Supervisor::new(command, connect).with_restart_codes([PANICKED]);
        let handle = supervisor.handle();
        thread::spawn(move || {
            block_on(tether.drained());
            handle.drain();
        });
        let ended = supervisor.run().expect("a child");
        assert_eq!(ended, rhai_dispatcher_supervision::Ended::Code(0), "an orderly end");
    }

    /// Serves as that child.
    ///
    /// # Panics
    /// If it can't: the process is to end with an error.
    pub fn run_supervised(self) {
        let (drain, drained) = oneshot::channel();
        let supervised = Supervised::tie(move || {
            let _ = drain.send(()); // it may have ended already
        })
        .expect("a supervisor");
        let worker = self.builder().running_tasks(Arc::new(supervised.into_table()));
        let worker = worker.build().expect("a worker");
        block_on(worker.run(async move {
            let _ = drained.await;
        }))
        .expect("an orderly end");
    }

    fn builder(&self) -> RhaiWorkerBuilder {
        let gate = self.journal.with_extension("open");
        let journal = Journal::open(&self.journal).expect("a journal");
        let engine = EngineConfig::new().with_setup(move |engine| {
            let journal = journal.clone();
            engine.register_fn("mark", move |task: &str, delivery: i64| -> String {
                let id: TaskId = task.parse().expect("the id of the task that runs");
                journal.note(Event::Started { task: id, delivery });
                TaskId::new().to_string()
            });
            engine.register_fn("die", || -> () { std::process::abort() });
            let gate = gate.clone();
            engine.register_fn("may_end", move || gate.exists());
        });
        RhaiWorker::builder(WORKER_ID)
            .url(self.url.as_str())
            .prefix(PREFIX)
            .threads(1)
            .grace(Duration::from_millis(self.grace))
            .engine(engine)
    }
}
