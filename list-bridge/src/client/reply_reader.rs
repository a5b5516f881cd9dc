use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{TaskId, TransportError};
use rhai_dispatcher_redis::{ClientError, RedisCommands};
use tokio::time::{Instant, sleep};

use super::replies::Replies;
use crate::keys::Keys;
use crate::record::of_hash;
use crate::store::{HashRead, TaskStore};
use crate::{ListId, ListTaskDetails};

/// Waits for the replies of a handle: one BLPOP, on one connection, for all of them.
///
/// A reply that was popped by a connection which broke is lost; the hash has the outcome. So the hashes are read after each
/// error, and from time to time.
pub(super) struct ReplyReader {
    replies: Weak<Replies>,
    commands: RedisCommands,
    waiting: RedisCommands,
    tasks: TaskStore,
    keys: Keys,
    /// The list to which an element is pushed to end a wait.
    wake: Bytes,
    recheck: Duration,
    next_check: Instant,
}

/// How long a wait at the server lasts at most.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long the element that ends a wait is kept, in seconds.
const WAKE_TTL: &str = "60";

/// The pause after an error.
const PAUSE: Duration = Duration::from_millis(50);

impl ReplyReader {
    /// Reads the hashes of all tasks again after each `recheck`.
    pub(super) fn new(
        replies: &Arc<Replies>,
        commands: &RedisCommands,
        tasks: TaskStore,
        recheck: Duration,
    ) -> Self {
        let keys = Keys::new(commands.prefix());
        Self {
            replies: Arc::downgrade(replies),
            waiting: commands.with_own_connection(),
            commands: commands.clone(),
            tasks,
            wake: keys.wake(TaskId::new()),
            keys,
            recheck,
            next_check: Instant::now() + recheck,
        }
    }

    /// Reads until the handle is dropped.
    pub(super) async fn run(mut self) {
        while let Some(replies) = self.replies.upgrade() {
            let ids = replies.ids();
            if ids.is_empty() {
                let _ = tokio::time::timeout(LONGEST_WAIT, replies.added.notified()).await;
                continue;
            }
            if let Err(error) = self.read(&replies, &ids).await {
                tracing::debug!("waiting for replies of the list protocol: {error}");
                if let ClientError::Refused(_) = error {
                    replies.fail(&TransportError::from(error));
                }
                self.next_check = Instant::now();
                sleep(PAUSE).await;
            }
        }
    }

    /// Waits for a reply, or until there is more to wait for.
    async fn read(&mut self, replies: &Replies, ids: &[TaskId]) -> Result<(), ClientError> {
        if self.next_check <= Instant::now() {
            for id in ids {
                self.check(replies, *id).await?;
            }
            self.next_check = Instant::now() + self.recheck;
            return Ok(());
        }
        let mut args = vec![self.wake.clone()];
        args.extend(ids.iter().map(|id| self.keys.reply(id.to_string().as_bytes())));
        args.push(LONGEST_WAIT.as_secs().to_string().into());
        let popping = self.waiting.block("BLPOP", args, LONGEST_WAIT);
        let waking = async {
            while !replies.is_stale() {
                replies.added.notified().await;
            }
            self.wake().await
        };
        let mut popping = std::pin::pin!(popping);
        let popped = tokio::select! {
            popped = &mut popping => popped?,
            woken = waking => {
                woken?;
                popping.await?
            }
        };
        let popped = popped.into_array();
        let [key, reply] = &popped[..] else { return Ok(()) };
        let (Some(key), Some(reply)) = (key.as_bytes(), reply.as_bytes()) else { return Ok(()) };
        let Some(id) = ids.iter().find(|id| self.keys.reply(id.to_string().as_bytes()) == *key) else {
            return Ok(()); // it was woken
        };
        match serde_json::from_slice::<ListTaskDetails>(reply) {
            Ok(details) if details.status.is_terminal() => {
                replies.answer(*id, &Ok(Box::new(of_hash(details, *id))));
            }
            // The hash has to have the outcome, then.
            _ => self.check(replies, *id).await?,
        }
        Ok(())
    }

    /// Ends the wait at the server.
    async fn wake(&self) -> Result<(), ClientError> {
        self.commands.run("LPUSH", vec![self.wake.clone(), Bytes::from_static(b"1")]).await?;
        let args = vec![self.wake.clone(), Bytes::from_static(WAKE_TTL.as_bytes())];
        self.commands.run("EXPIRE", args).await.map(drop)
    }

    /// Answers the waits for a task if its hash has the outcome.
    async fn check(&self, replies: &Replies, id: TaskId) -> Result<(), ClientError> {
        let list_id = ListId::from(id);
        if let HashRead::Hash(hash) = self.tasks.read(&list_id, None).await? {
            let details = hash.details(&list_id);
            if details.status.is_terminal() {
                // The reply is of no use any more.
                self.commands.run("DEL", vec![self.keys.reply(list_id.as_str().as_bytes())]).await?;
                replies.answer(id, &Ok(Box::new(of_hash(details, id))));
            }
        }
        Ok(())
    }
}
