use std::time::Duration;

use clap::Parser;
use futures::executor::block_on;
use rhai_dispatcher::{EngineConfig, RhaiWorker, TaskId};

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
}

impl ChaosWorker {
    /// Serves until the parent asks for the end.
    ///
    /// # Panics
    /// If it can't: the process is to end with an error.
    pub fn run(self, mut tether: Tether) {
        let journal = Journal::open(&self.journal).expect("a journal");
        let engine = EngineConfig::new().with_setup(move |engine| {
            let journal = journal.clone();
            engine.register_fn("mark", move |task: &str, delivery: i64| -> String {
                let id: TaskId = task.parse().expect("the id of the task that runs");
                journal.note(Event::Started { task: id, delivery });
                TaskId::new().to_string()
            });
            engine.register_fn("die", || -> () { std::process::abort() });
        });
        let worker = RhaiWorker::builder(WORKER_ID)
            .url(self.url)
            .prefix(PREFIX)
            .threads(1)
            .grace(Duration::from_millis(self.grace))
            .engine(engine)
            .build()
            .expect("a worker");
        block_on(worker.run(async move { tether.drained().await })).expect("an orderly end");
    }
}
