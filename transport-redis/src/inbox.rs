use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_core::{CancelReason, Claim, InstanceId, Signal, TaskId, TransportError, WallTime};
use tokio::time::{Instant, sleep_until};

use crate::args::Args;
use crate::batcher::LARGEST;
use crate::caller::Caller;
use crate::client::{ClientError, Link, LinkState, Reply};
use crate::crash::crash_point;
use crate::given::millis;
use crate::looks::look;
use crate::waits::{Checks, Waits};
use crate::{keys, wire};

/// What others send to this handle: outcomes for those who wait, and signals for instances. It is
/// read by one connection of its own, and only while there is something to expect.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Its name, as records have it.
    pub(crate) id: Bytes,
    key: Bytes,
    link: Link,
    caller: Arc<Caller>,
    pub(crate) waits: Arc<Waits>,
    recheck_interval: Duration,
    /// Whether anything was ever read.
    used: AtomicBool,
    /// The instances of this handle.
    listeners: Mutex<HashMap<InstanceId, Weak<dyn Listener>>>,
}

/// An instance that signals are for.
pub(crate) trait Listener: Send + Sync + std::fmt::Debug {
    /// Takes a signal.
    fn signal(&self, signal: Signal);
}

/// How long one read waits at most: the time until a reader that nobody needs any more ends.
const BLOCK: Duration = Duration::from_secs(2);

/// How many messages are read at once, and how many are read before they are trimmed.
const AT_ONCE: usize = 512;

impl Inbox {
    pub(crate) fn new(caller: Arc<Caller>, link: Link, recheck_interval: Duration) -> Self {
        let id = InstanceId::new().to_string();
        let key = keys::inbox(&caller.prefix, &id);
        let waits = Arc::default();
        let (used, listeners) = (AtomicBool::new(false), Mutex::default());
        Self { id: id.into(), key, link, caller, waits, recheck_interval, used, listeners }
    }

    /// Registers an instance for signals.
    pub(crate) fn listen(&self, instance: InstanceId, listener: Weak<dyn Listener>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|_, listener| listener.strong_count() > 0);
        listeners.insert(instance, listener);
    }

    /// Reads the inbox while that is needed, until the transport ends.
    pub(crate) async fn read(self: Arc<Self>) {
        let mut last = Bytes::from_static(b"0");
        let mut untrimmed = 0;
        while !self.waits.is_closed() {
            if !self.waits.is_reading_needed() {
                self.waits.read.notified().await;
                continue;
            }
            match self.read_once(&last).await {
                Ok(None) => {}
                Ok(Some((id, count))) => {
                    last = id;
                    untrimmed += count;
                    crash_point("inbox.after_read");
                }
                Err(error) => {
                    self.caller.note(&error.to_string());
                    // Whatever was sent meanwhile may be gone.
                    last = Bytes::from_static(b"0");
                    self.recheck();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            if untrimmed >= AT_ONCE {
                untrimmed = 0;
                self.trim(&last).await;
            }
        }
    }

    /// Whether something has been there that stays for its ttl, and the server can be told.
    pub(crate) fn is_to_be_deleted(&self) -> bool {
        self.used.load(Ordering::Relaxed) && self.caller.link.is_up()
    }

    /// Deletes it. What is sent there later expires.
    pub(crate) async fn delete(&self) {
        // Its own connection may be blocked in a read.
        if let Ok((connection, _)) = self.caller.link.get(Instant::now()).await {
            let deadline = Instant::now() + self.caller.timeout;
            let _ = connection.command("DEL", vec![self.key.clone()], deadline).await;
        }
    }

    /// The last id that was read, and how many messages there were; none if the time was over.
    async fn read_once(&self, last: &Bytes) -> Result<Option<(Bytes, usize)>, ClientError> {
        let (connection, number) = self.link.get(Instant::now() + self.caller.timeout).await?;
        let deadline = Instant::now() + BLOCK + self.caller.timeout;
        let mut args = Args::new();
        args.push_static("COUNT").push_display(AT_ONCE).push_static("BLOCK").push_display(BLOCK.as_millis());
        args.push_static("STREAMS").push(self.key.clone()).push(last.clone());
        let reply = match connection.blocking_command("XREAD", args.into_vec(), BLOCK, deadline).await {
            Ok(reply) => reply,
            Err(error) => {
                match &error {
                    ClientError::Demoted(_) => self.link.leave(number),
                    ClientError::Timeout(_) => self.link.discard(number),
                    _ => {}
                }
                return Err(error);
            }
        };
        if reply.is_nil() {
            return Ok(None);
        }
        // Before anybody is told, who may end the handle then.
        self.used.store(true, Ordering::Relaxed);
        let stream = reply.into_array().into_iter().next().map(Reply::into_array);
        let entries = stream.and_then(|stream| stream.into_iter().nth(1)).map(Reply::into_array);
        let mut newest = None;
        let mut count = 0;
        for entry in entries.unwrap_or_default() {
            let mut parts = entry.into_array().into_iter();
            let Some(id) = parts.next().and_then(|id| id.as_bytes().cloned()) else { continue };
            let mut at = WallTime::from_millis(0);
            let mut fields = parts.next().map(Reply::into_array).unwrap_or_default().into_iter();
            while let (Some(kind), Some(value)) = (fields.next(), fields.next()) {
                if let (Some(kind), Some(value)) = (kind.as_bytes(), value.as_bytes()) {
                    if &kind[..] == b"t" {
                        at = millis(value);
                        continue;
                    }
                    self.take(kind, value, at);
                }
                count += 1;
            }
            newest = Some(id);
        }
        Ok(newest.map(|id| (id, count)))
    }

    fn take(&self, kind: &Bytes, value: &Bytes, at: WallTime) {
        let text = std::str::from_utf8(value);
        match (&kind[..], text) {
            (b"o", _) => match wire::decode_ended(value) {
                Ok(ended) => self.waits.ended(ended, at),
                // Whom it was for is not known; the next check of all finds the outcome.
                Err(error) => {
                    tracing::warn!("an outcome in the inbox can't be read: {error}");
                    self.waits.check_all();
                }
            },
            (b"n", Ok(id)) => {
                if let Ok(id) = id.parse() {
                    self.waits.check_one(id);
                }
            }
            (b"c", Ok(text)) => {
                if let Some((claim, reason)) = parse_cancel(text) {
                    self.cancel(claim, reason);
                }
            }
            _ => tracing::warn!("a message of an unknown kind in the inbox"),
        }
    }

    fn cancel(&self, claim: Claim, reason: CancelReason) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = listeners.get(&claim.instance).and_then(Weak::upgrade);
        drop(listeners);
        if let Some(listener) = listener {
            listener.signal(Signal::Cancel(claim, reason));
        }
    }

    /// Looks after all who wait, since a connection was lost.
    fn recheck(&self) {
        if cfg!(not(feature = "fault-no-recheck")) {
            self.waits.check_all();
        }
    }

    async fn trim(&self, last: &Bytes) {
        let deadline = Instant::now() + self.caller.timeout;
        let Ok((connection, _)) = self.link.get(deadline).await else { return };
        let mut args = Args::new();
        args.push(self.key.clone()).push_static("MINID").push(last.clone());
        // If it fails it is done with the next, and the limit of the inbox holds anyway.
        let _ = connection.command("XTRIM", args.into_vec(), deadline).await;
        crash_point("inbox.after_trim");
    }

    /// Looks at the records of tasks that are waited for, when there is a reason to, until the
    /// transport ends.
    pub(crate) async fn check(self: Arc<Self>) {
        /// How many looks are under way at once: so many fill the time that an answer takes, and leave room
        /// for other calls.
        const LOOKS: usize = 8;
        /// The pause after a look that failed.
        const PAUSE: Duration = Duration::from_millis(100);
        let mut connections = self.caller.link.watch();
        let mut current = 1;
        let mut last_recheck = Instant::now();
        let mut looks = FuturesUnordered::new();
        let mut not_before = Instant::now();
        while !self.waits.is_closed() {
            if let LinkState::Up(_, number) = &*connections.borrow_and_update()
                && *number != current
            {
                current = *number;
                self.recheck();
            }
            if last_recheck.elapsed() >= self.recheck_interval {
                last_recheck = Instant::now();
                self.waits.check_all();
            }
            let why = || self.caller.last_error().unwrap_or_else(|| "the server has not answered".to_owned());
            let next = self.waits.settle(self.caller.timeout, why);
            while looks.len() < LOOKS && Instant::now() >= not_before {
                let checks = self.waits.take_checks(LARGEST);
                if checks.own.is_empty() && checks.others.is_empty() {
                    break;
                }
                looks.push(self.look(checks));
            }
            let mut until = match self.waits.has_waits() {
                true => last_recheck + self.recheck_interval,
                false => Instant::now() + Duration::from_secs(3_600),
            };
            until = next.map_or(until, |next| until.min(next));
            if Instant::now() < not_before {
                until = until.min(not_before);
            }
            tokio::select! {
                () = self.waits.check.notified() => {}
                Ok(()) = connections.changed() => {}
                Some(has_answer) = looks.next() => {
                    if !has_answer {
                        not_before = Instant::now() + PAUSE;
                    }
                }
                () = sleep_until(until) => {}
            }
        }
    }

    /// Looks at records; whether they could be looked at.
    async fn look(&self, checks: Checks) -> bool {
        let own = self.look_for(&checks.own, None).await;
        self.look_for(&checks.others, Some(&self.id)).await && own
    }

    async fn look_for(&self, ids: &[TaskId], inbox: Option<&Bytes>) -> bool {
        if ids.is_empty() {
            return true;
        }
        match look(&self.caller, ids, inbox).await {
            Ok(all) => {
                ids.iter().zip(all).for_each(|(id, looked)| self.waits.looked(*id, looked));
                true
            }
            Err(error) => {
                let error = TransportError::from(error);
                ids.iter().for_each(|id| self.waits.look_failed(*id, &error));
                false
            }
        }
    }
}

fn parse_cancel(text: &str) -> Option<(Claim, CancelReason)> {
    let mut words = text.split(' ');
    let claim = Claim {
        task: words.next()?.parse().ok()?,
        instance: words.next()?.parse().ok()?,
        delivery: words.next()?.parse().ok()?,
    };
    Some((claim, words.next()?.parse().ok()?))
}
