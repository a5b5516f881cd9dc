use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{join, join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_core::{TaskId, TransportError};
use tokio::time::{Instant, sleep_until};

use super::checks::Checks;
use super::inbox::Inbox;
use super::record_read::{read_ended, read_outcomes};
use super::waits::Waits;
use crate::batch::LARGEST;
use crate::client::ClientError;
use crate::script::ScriptCaller;

/// Reads the records of awaited tasks, when a message may have been lost or a task may have expired.
#[derive(Debug)]
pub(crate) struct Checker {
    caller: Arc<ScriptCaller>,
    waits: Arc<Waits>,
    /// The inbox that records without an outcome are to tell.
    inbox_id: Bytes,
    /// The time between two checks of all waits.
    recheck_interval: Duration,
}

impl Checker {
    /// A checker of the waits of `inbox`.
    pub(crate) fn new(inbox: &Inbox, recheck_interval: Duration) -> Self {
        Self {
            caller: Arc::clone(&inbox.caller),
            waits: Arc::clone(&inbox.waits),
            inbox_id: inbox.id.clone(),
            recheck_interval,
        }
    }

    /// Looks at the records of tasks that are waited for, when there is a reason to, until the
    /// transport ends.
    pub(crate) async fn run(self) {
        /// How many reads are under way at once: so many fill the time that an answer takes, and leave room
        /// for other calls.
        const READS: usize = 8;
        /// The pause after a look that failed.
        const PAUSE: Duration = Duration::from_millis(100);
        let mut reconnects = self.caller.links.watch_reconnects();
        let mut count = 0;
        let mut last_recheck = Instant::now();
        let mut reads = FuturesUnordered::new();
        let mut not_before = Instant::now();
        while !self.waits.is_closed() {
            if *reconnects.borrow_and_update() != count {
                count = *reconnects.borrow();
                self.waits.check_after_reconnect();
            }
            if last_recheck.elapsed() >= self.recheck_interval {
                last_recheck = Instant::now();
                self.waits.check_all();
            }
            let why = || self.caller.last_error().unwrap_or_else(|| "the server has not answered".to_owned());
            let next = self.waits.process_due(self.caller.timeout, why);
            while reads.len() < READS && Instant::now() >= not_before {
                let checks = self.waits.take_checks(LARGEST);
                if checks.own.is_empty() && checks.others.is_empty() {
                    break;
                }
                reads.push(self.read(checks));
            }
            // Also without waits: one that begins meanwhile wakes nothing here.
            let mut until = last_recheck + self.recheck_interval;
            until = next.map_or(until, |next| until.min(next));
            if Instant::now() < not_before {
                until = until.min(not_before);
            }
            tokio::select! {
                () = self.waits.check.notified() => {}
                Ok(()) = reconnects.changed() => {}
                Some(has_answer) = reads.next() => {
                    if !has_answer {
                        not_before = Instant::now() + PAUSE;
                    }
                }
                () = sleep_until(until) => {}
            }
        }
    }

    /// Looks at records; whether all could be read.
    async fn read(&self, checks: Checks) -> bool {
        let (own, others) = join(
            self.read_records(&checks.own, None),
            self.read_records(&checks.others, Some(&self.inbox_id)),
        )
        .await;
        own && others
    }

    async fn read_records(&self, ids: &[TaskId], inbox: Option<&Bytes>) -> bool {
        let reads = read_outcomes(&self.caller, ids, inbox).await;
        let mut failed = Vec::new();
        for (id, read) in ids.iter().zip(reads) {
            match read {
                Ok(read) => self.waits.note_read(*id, read),
                Err(error) => failed.push((*id, error)),
            }
        }
        join_all(failed.iter().map(|(id, error)| self.read_ended(*id, error))).await;
        failed.is_empty()
    }

    /// Answers the waits of a task if it has ended, though its read failed with `error`; else it is checked again.
    async fn read_ended(&self, id: TaskId, error: &ClientError) {
        let takes_no_writes = matches!(error, ClientError::Busy(_));
        let ended = match takes_no_writes {
            true => read_ended(&self.caller, id).await.ok().flatten(),
            false => None,
        };
        match ended {
            Some(record) => self.waits.note_read(id, record),
            None => self.waits.note_read_failure(id, &TransportError::from(error.clone())),
        }
    }
}
