use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rhai_dispatcher_core::{WorkerId, lock};
use tokio::time::Instant;

use crate::client::{ClientError, ServerReply};
use crate::script::{Args, Script, ScriptCaller, keys};

/// The worker ids in use, as the server has them: noted before the first task and the first lease of each, so that a crash
/// leaves a name without a queue, and no queue without a name.
#[derive(Debug)]
pub(crate) struct QueueNames {
    caller: Arc<ScriptCaller>,
    /// What this handle has noted, and when.
    noted: Mutex<HashMap<WorkerId, Noted>>,
}

#[derive(Debug, Clone, Copy)]
struct Noted {
    at: Instant,
    /// How often the connection was made again before: another server may not have the note.
    reconnects: u64,
}

/// The version of the keys, as `docs/PROTOCOL.md` describes them.
const VERSION: &str = "2";

/// For how long a note is good. Shorter than [`KEPT`] by more than any task takes to its queue.
const GOOD_FOR: Duration = Duration::from_secs(10 * 60);

/// For how long the name of an unused queue is kept after it was noted last.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// How many notes are remembered at most. Beyond that some names are noted more often.
const MAX_NOTED: usize = 10_000;

impl QueueNames {
    pub(crate) fn new(caller: Arc<ScriptCaller>) -> Self {
        Self { caller, noted: Mutex::default() }
    }

    /// Notes that a worker id is in use, unless this handle has done so recently.
    pub(crate) async fn note(&self, worker_id: &WorkerId, deadline: Instant) -> Result<(), ClientError> {
        let reconnects = self.caller.links.reconnects();
        if self.is_noted(worker_id, reconnects) {
            return Ok(());
        }
        let at = Instant::now();
        let mut args = Args::new();
        args.push_static(keys::QUEUES).push_static(VERSION).push_copy(worker_id.as_str());
        let noted = self.caller.run_until(Script::Note, keys::QUEUES, args, deadline).await;
        let noted = noted.map_err(|error| self.explained(error))?;
        match noted.get(1).and_then(ServerReply::as_str) {
            Some(VERSION) => {}
            Some(other) => return Err(self.refused(&format!("have version {other} of the protocol"))),
            None => return Err(ClientError::Unexpected("a note")),
        }
        let mut noted = lock(&self.noted);
        if noted.len() >= MAX_NOTED {
            noted.clear();
        }
        noted.insert(worker_id.clone(), Noted { at, reconnects });
        Ok(())
    }

    /// A key of another type is that of a version before [`VERSION`].
    fn explained(&self, error: ClientError) -> ClientError {
        match error {
            ClientError::Server(text) if text.contains("WRONGTYPE") => {
                self.refused("are of an earlier version of the protocol, or another client has written them")
            }
            error => error,
        }
    }

    fn refused(&self, what: &str) -> ClientError {
        let prefix = &self.caller.prefix;
        ClientError::Refused(format!(
            "the keys {prefix}:* {what}, and this is version {VERSION}: use a matching version of rhai-dispatcher or \
             another prefix, or delete the keys"
        ))
    }

    /// The same beside the caller, who does not depend on it. To be called on tokio.
    pub(crate) fn note_beside(self: &Arc<Self>, worker_id: &WorkerId) {
        if self.is_noted(worker_id, self.caller.links.reconnects()) {
            return;
        }
        let (names, worker_id) = (Arc::clone(self), worker_id.clone());
        tokio::spawn(async move {
            // The next renewal tries again.
            if let Err(error) = names.note(&worker_id, Instant::now() + names.caller.timeout).await {
                tracing::debug!(%error, "the queue of {worker_id} could not be noted as in use");
            }
        });
    }

    /// Forgets a note: the server may have lost it.
    pub(crate) fn forget(&self, worker_id: &WorkerId) {
        lock(&self.noted).remove(worker_id);
    }

    fn is_noted(&self, worker_id: &WorkerId, reconnects: u64) -> bool {
        let noted = lock(&self.noted).get(worker_id).copied();
        noted.is_some_and(|noted| noted.reconnects == reconnects && noted.at.elapsed() < GOOD_FOR)
    }

    /// All of them. What is not a worker id there is left out: another client has written it.
    pub(super) async fn read(&self) -> Result<Vec<WorkerId>, ClientError> {
        let key = keys::queues(&self.caller.prefix);
        let mut args = Args::new();
        args.push(key.clone()).push_static("0").push_static("-1");
        let names = self.caller.read_command("ZRANGE", &key, args.into_vec()).await?.into_array();
        Ok(names.iter().filter_map(|name: &ServerReply| name.as_str()?.parse().ok()).collect())
    }

    /// Strikes off those of unused queues, except for such that have been noted recently: a task may be on its way there.
    pub(super) async fn strike(&self, unused: &[WorkerId]) -> Result<(), ClientError> {
        /// Bounds how long the server is kept from others.
        const AT_ONCE: usize = 1_000;
        for unused in unused.chunks(AT_ONCE) {
            let mut args = Args::new();
            args.push_static(keys::QUEUES).push_display(KEPT.as_millis());
            for worker_id in unused {
                args.push_copy(worker_id.as_str());
            }
            self.caller.run(Script::Strike, keys::QUEUES, args).await?;
        }
        Ok(())
    }
}
