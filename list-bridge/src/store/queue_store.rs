use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{InstanceId, WorkerId};
use rhai_dispatcher_redis::{ClientError, RedisCommands, ServerReply};

use super::script::{DETACH, RENEW, STRIKE_OFF, TAKE};
use crate::keys::Keys;

/// The queue of one worker id, as one bridge uses it. All its keys share a slot.
#[derive(Debug)]
pub(crate) struct QueueStore {
    commands: RedisCommands,
    /// For the command that waits.
    waiting: RedisCommands,
    bridge: Bytes,
    /// How long the bridge counts as living after a take or a renewal.
    lease: Duration,
    queue: Bytes,
    held: Bytes,
    bridges: Bytes,
    /// What the names of all bridges' lists begin with.
    held_by: Bytes,
}

/// What a renewal has done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Renewed {
    /// How many ids of dead bridges were put back.
    pub(crate) moved: u64,
    /// Whether some may be left.
    pub(crate) is_more: bool,
}

/// How many ids one script moves at most: bounds how long it keeps the server from others.
const MOST: usize = 256;

/// How long a wait at the server lasts at most.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a dead bridge is kept. A wait that it began before its death moves an id to its list within
/// [`LONGEST_WAIT`]; the rest is for a process that was stopped just before it sent the command.
const DEAD_KEPT: Duration = Duration::from_secs(60);

impl QueueStore {
    pub(crate) fn new(commands: &RedisCommands, worker_id: &WorkerId, lease: Duration) -> Self {
        let keys = Keys::new(commands.prefix());
        let bridge = InstanceId::new();
        let held_by = keys.held_by(worker_id);
        Self {
            commands: commands.clone(),
            waiting: commands.with_own_connection(),
            bridge: bridge.to_string().into(),
            lease,
            queue: keys.queue(worker_id),
            held: format!("{held_by}{bridge}").into(),
            bridges: keys.bridges(worker_id),
            held_by: held_by.into(),
        }
    }

    /// Takes up to `most` ids, the oldest first. After an error it may have taken some: see [`held`](Self::held).
    pub(crate) async fn take(&self, most: usize) -> Result<Vec<Bytes>, ClientError> {
        let keys = vec![self.queue.clone(), self.held.clone(), self.bridges.clone()];
        let args = vec![self.bridge.clone(), millis(self.lease), number(most.min(MOST))];
        Ok(texts(self.commands.script_once(&TAKE, keys, args).await?))
    }

    /// Waits for an id, and takes it; none if there was none for some seconds.
    pub(crate) async fn wait(&self) -> Result<Option<Bytes>, ClientError> {
        let mut args = vec![self.queue.clone(), self.held.clone()];
        args.extend(["RIGHT", "LEFT"].map(|side| Bytes::from_static(side.as_bytes())));
        args.push(number(LONGEST_WAIT.as_secs() as usize));
        let answer = self.waiting.block("BLMOVE", args, LONGEST_WAIT).await?;
        Ok(answer.as_bytes().cloned())
    }

    /// Ends a wait: the server hears of it by the end of the connection.
    pub(crate) fn end_wait(&self) {
        self.waiting.disconnect();
    }

    /// The ids that it has taken, and not struck off.
    pub(crate) async fn held(&self) -> Result<Vec<Bytes>, ClientError> {
        let args = vec![self.held.clone(), number(0), Bytes::from_static(b"-1")];
        Ok(texts(self.commands.run("LRANGE", args).await?))
    }

    /// Strikes off an id, once. Whether no other bridge has it or will take it.
    pub(crate) async fn strike_off(&self, id: &Bytes) -> Result<bool, ClientError> {
        let keys = vec![self.held.clone(), self.queue.clone(), self.bridges.clone()];
        let args = vec![id.clone(), self.held_by.clone()];
        Ok(self.commands.script(&STRIKE_OFF, keys, args).await?.as_u64() == Some(1))
    }

    /// Strikes off an id once if it stands there twice. Stands it there once, then another bridge had taken it over and put
    /// it back, and it is the one that is struck off at the end.
    pub(crate) async fn strike_off_repeat(&self, id: &Bytes) -> Result<(), ClientError> {
        let args = vec![self.held.clone(), id.clone(), Bytes::from_static(b"COUNT"), number(2)];
        if self.commands.run("LPOS", args).await?.into_array().len() > 1 {
            self.strike_off(id).await?;
        }
        Ok(())
    }

    /// Renews the lease, and puts back what dead bridges have left.
    pub(crate) async fn renew(&self) -> Result<Renewed, ClientError> {
        let keys = vec![self.queue.clone(), self.bridges.clone()];
        let mut args = vec![self.bridge.clone(), millis(self.lease), millis(DEAD_KEPT), number(MOST)];
        args.push(self.held_by.clone());
        let answer = self.commands.script(&RENEW, keys, args).await?.into_array();
        let number = |index: usize| answer.get(index).and_then(ServerReply::as_u64);
        match (number(0), number(1)) {
            (Some(moved), Some(is_more)) => Ok(Renewed { moved, is_more: is_more == 1 }),
            _ => Err(ClientError::Unexpected("a renewal of a bridge")),
        }
    }

    /// Puts all its ids back, for other bridges.
    pub(crate) async fn detach(&self) -> Result<(), ClientError> {
        loop {
            let keys = vec![self.queue.clone(), self.held.clone(), self.bridges.clone()];
            let args = vec![self.bridge.clone(), number(MOST)];
            let left = self.commands.script(&DETACH, keys, args).await?;
            match left.as_u64() {
                Some(0) => return Ok(()),
                Some(_) => {}
                None => return Err(ClientError::Unexpected("a detach of a bridge")),
            }
        }
    }
}

fn number(number: usize) -> Bytes {
    number.to_string().into()
}

pub(super) fn millis(time: Duration) -> Bytes {
    time.as_millis().max(1).to_string().into()
}

fn texts(reply: ServerReply) -> Vec<Bytes> {
    reply.into_array().iter().filter_map(ServerReply::as_bytes).cloned().collect()
}
