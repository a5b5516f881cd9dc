use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{
    CancelReason, Claim, Inquiries, InstanceId, PendingInquiry, Signal, WallTime, lock,
};
use tokio::time::Instant;

use super::waits::Waits;
use crate::client::{ClientError, Link, ServerReply};
use crate::crash_points::crash_point;
use crate::script::{Args, ScriptCaller, keys};
use crate::wire;

/// The inbox of a handle: outcomes for its waits, and signals for its instances. A connection of its own reads it, only
/// while a message can come.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Its name, as records have it.
    pub(crate) id: Bytes,
    key: Bytes,
    link: Link,
    pub(crate) caller: Arc<ScriptCaller>,
    pub(crate) waits: Arc<Waits>,
    /// Questions whose answers come here.
    inquiries: Arc<Inquiries>,
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

/// The longest blocking read. A reader that is not needed any more ends after this time at the latest.
const BLOCK: Duration = Duration::from_secs(2);

/// How many messages are read at once, and how many are read before they are trimmed.
const AT_ONCE: usize = 512;

impl Inbox {
    pub(crate) fn new(caller: Arc<ScriptCaller>, link: Link) -> Self {
        let id = InstanceId::new().to_string();
        let key = keys::inbox(&caller.prefix, &id);
        let waits = Arc::default();
        let inquiries = Arc::default();
        let (used, listeners) = (AtomicBool::new(false), Mutex::default());
        Self { id: id.into(), key, link, caller, waits, inquiries, used, listeners }
    }

    /// Registers an instance for signals.
    pub(crate) fn listen(&self, instance: InstanceId, listener: Weak<dyn Listener>) {
        let mut listeners = lock(&self.listeners);
        listeners.retain(|_, listener| listener.strong_count() > 0);
        listeners.insert(instance, listener);
    }

    /// Begins a question whose answer comes here.
    pub(crate) fn begin_inquiry(&self) -> PendingInquiry {
        let pending = self.inquiries.begin();
        self.waits.read.notify_one();
        pending
    }

    /// Reads the inbox while that is needed, until the transport ends.
    pub(crate) async fn read(self: Arc<Self>) {
        let mut last = Bytes::from_static(b"0");
        let mut untrimmed = 0;
        while !self.waits.is_closed() {
            if !self.waits.is_reading_needed() && self.inquiries.is_empty() {
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
                    // Messages may have been lost meanwhile.
                    last = Bytes::from_static(b"0");
                    self.waits.check_after_reconnect();
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
                    ClientError::Demoted(_) => self.link.discard_generation(number),
                    ClientError::Timeout(_) => self.link.discard(number),
                    _ => {}
                }
                return Err(error);
            }
        };
        if reply.is_nil() {
            return Ok(None);
        }
        // Set before the waits are answered: the receiver of an answer may end the handle.
        self.used.store(true, Ordering::Relaxed);
        // The name of the stream, and its entries.
        let entries = reply.into_array().into_iter().nth(1).map(ServerReply::into_array);
        let mut newest = None;
        let mut count = 0;
        for entry in entries.unwrap_or_default() {
            let mut parts = entry.into_array().into_iter();
            let Some(id) = parts.next().and_then(|id| id.as_bytes().cloned()) else { continue };
            let mut at = WallTime::from_millis(0);
            let mut fields = parts.next().map(ServerReply::into_array).unwrap_or_default().into_iter();
            while let (Some(kind), Some(value)) = (fields.next(), fields.next()) {
                if let (Some(kind), Some(value)) = (kind.as_bytes(), value.as_bytes()) {
                    if &kind[..] == b"t" {
                        at = wire::millis(value);
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
            (b"o", _) => match wire::decode_end(value) {
                Ok(ended) => self.waits.ended(ended, at),
                // Its task is not known; the next check of all waits finds the outcome.
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
                    self.signal(claim.instance, Signal::Cancel(claim, reason));
                }
            }
            (b"i", Ok(text)) => {
                if let Some(inquiry) = wire::inquiry::parse(text) {
                    self.signal(inquiry.claim.instance, Signal::Inspect(inquiry));
                }
            }
            (b"s", Ok(text)) => match wire::inquiry::parse_answer(text) {
                Some((number, state)) => self.inquiries.answer(number, state),
                None => tracing::warn!("where a task is can't be read; a newer version has written it"),
            },
            _ => tracing::warn!("a message of an unknown kind in the inbox"),
        }
    }

    fn signal(&self, instance: InstanceId, signal: Signal) {
        let listeners = lock(&self.listeners);
        let listener = listeners.get(&instance).and_then(Weak::upgrade);
        drop(listeners);
        if let Some(listener) = listener {
            listener.signal(signal);
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
