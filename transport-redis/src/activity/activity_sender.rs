use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{ErrorLog, Tick};
use tokio::sync::Mutex;

use super::activity_outbox::{ActivityOutbox, MAX_BATCH};
use crate::client::ClientError;
use crate::instance::LocalInstance;
use crate::script::Script;
use crate::wire;

/// How long runs are gathered before they are sent: bounds how often an instance calls the server for its log. An operator
/// does not notice the delay.
const GATHERED_FOR: Duration = Duration::from_millis(250);

/// How many batches one call sends: bounds how long its script keeps the server from others.
const BATCHES_AT_ONCE: usize = 8;

/// The pause before what the server has not taken is sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// Logs what is in the outbox of an instance.
#[derive(Debug)]
pub(crate) struct ActivitySender {
    instance: Arc<LocalInstance>,
    outbox: Arc<ActivityOutbox>,
    /// How many entries one batch has at most: no more than the log.
    max_batch: usize,
    log: Arc<ErrorLog>,
    /// Held by one call at a time, so that the numbers of calls grow.
    sending: Mutex<Sending>,
}

#[derive(Debug, Default)]
struct Sending {
    /// The number of the last call.
    number: u64,
    /// What that has sent, until it is answered. It is sent again as it was: the script may have been carried out.
    unanswered: Vec<Encoded>,
}

/// A batch that is ready to be sent.
#[derive(Debug)]
struct Encoded {
    count: usize,
    made_at: Tick,
    bytes: Bytes,
}

impl ActivitySender {
    pub(crate) fn new(
        instance: Arc<LocalInstance>,
        outbox: Arc<ActivityOutbox>,
        max_activity: usize,
        log: Arc<ErrorLog>,
    ) -> Self {
        let max_batch = MAX_BATCH.min(max_activity).max(1);
        Self { instance, outbox, max_batch, log, sending: Mutex::default() }
    }

    /// Sends what comes, until the instance ends.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            if self.outbox.len() == 0 {
                self.outbox.changed.notified().await;
            }
            // Whichever comes first.
            let _ = tokio::time::timeout(GATHERED_FOR, self.outbox.is_full.notified()).await;
            if self.outbox.is_closed() {
                return;
            }
            while let Err(error) = self.send_all().await {
                if let Some(left_out) = self.log.admit(&format!("activity: {error}")) {
                    tracing::warn!(%error, left_out, "the activity of tasks could not be logged yet");
                }
                tokio::time::sleep(PAUSE).await;
                if self.outbox.is_closed() {
                    return;
                }
            }
        }
    }

    /// Sends all that waits now. What comes meanwhile gathers for the next batch.
    pub(crate) async fn send_all(&self) -> Result<(), ClientError> {
        let mut sending = self.sending.lock().await;
        let mut left = self.outbox.len();
        loop {
            if sending.unanswered.is_empty() {
                sending.unanswered = self.next_batches(&mut left);
                if sending.unanswered.is_empty() {
                    return Ok(());
                }
                sending.number += 1;
            }
            let now = self.instance.caller.clock.now();
            let mut args = self.instance.args();
            args.push_display(sending.number);
            for batch in &sending.unanswered {
                let age = (now - batch.made_at).as_millis();
                args.push_display(batch.count).push_display(age).push(batch.bytes.clone());
            }
            self.instance.caller.run(Script::Activity, &self.instance.worker_id, args).await?;
            sending.unanswered.clear();
        }
    }

    /// Takes batches from the outbox, of which `left` runs are to be sent.
    fn next_batches(&self, left: &mut usize) -> Vec<Encoded> {
        let mut batches = Vec::new();
        while batches.len() < BATCHES_AT_ONCE {
            let (mut runs, dropped) = self.outbox.take(self.max_batch.min(*left));
            *left -= runs.len();
            // Lanes tell of their runs once these are written, which takes some longer than others.
            runs.sort_by_key(|run| run.ended_at);
            if dropped > 0
                && let Some(left_out) = self.log.admit("activity dropped")
            {
                tracing::warn!(
                    dropped,
                    left_out,
                    "tasks have ended faster than they can be logged in the activity"
                );
            }
            if runs.is_empty() {
                break;
            }
            let made_at = self.instance.caller.clock.now();
            let bytes = wire::encode_runs(&runs, self.instance.id, made_at).into();
            batches.push(Encoded { count: runs.len(), made_at, bytes });
        }
        batches
    }
}
