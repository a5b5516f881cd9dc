use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;

use crate::submitter::{client, sleep, wait};
use crate::{Event, Journal, Tether};

/// Waits for every task of every submitter, as soon as the journal has its acceptance. So the tasks of a dead
/// submitter have a waiter, too.
#[derive(Debug, Parser)]
pub struct ChaosWaiter {
    /// The server
    #[arg(long)]
    url: String,
    /// The journal
    #[arg(long)]
    journal: PathBuf,
}

/// How often it reads the journal.
const LOOK: Duration = Duration::from_millis(20);

impl ChaosWaiter {
    /// Waits until the parent asks for the end, and for what was accepted until then.
    ///
    /// # Panics
    /// If it can't: the process is to end with an error.
    pub fn run(self, mut tether: Tether) {
        let journal = Journal::open(&self.journal).expect("a journal");
        let mut tail = journal.tail().expect("a journal");
        let client = client(&self.url, "waiter");
        let mut pool = LocalPool::new();
        let spawner = pool.spawner();
        loop {
            // Before the read, which has to see all entries up to now.
            let drained = tether.is_drained();
            for entry in tail.read().expect("the journal") {
                let Event::Accepted { task, .. } = entry.event else { continue };
                let (client, journal) = (client.clone(), journal.clone());
                spawner
                    .spawn_local(async move { wait(&client, &journal, task).await })
                    .expect("the pool lives");
            }
            if drained {
                break;
            }
            pool.run_until(sleep(&client, LOOK));
        }
        pool.run();
    }
}
