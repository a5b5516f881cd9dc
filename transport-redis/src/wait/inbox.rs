use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use rhai_dispatcher_core::{
    CancelReason, Claim, Inquiries, InstanceId, PendingInquiry, Signal, WallTime, lock,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::waits::Waits;
use crate::client::{ClientError, Connection, Links, Received};
use crate::crash_points::crash_point;
use crate::script::{Packed, ScriptCaller, keys, unpack};
use crate::slot::Slot;
use crate::wire;

/// The inbox of a handle: outcomes for its waits, and signals for its instances, which are published on a channel of its
/// own. A connection of its own reads it, from when there is something to be told. What is published while there is none
/// is lost: the records of all waits are read with each new one, and renewals repeat the signals.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Its name, as records have it.
    pub(crate) id: Bytes,
    channel: Bytes,
    links: Links,
    pub(crate) caller: Arc<ScriptCaller>,
    pub(crate) waits: Arc<Waits>,
    /// Questions whose answers come here.
    inquiries: Arc<Inquiries>,
    reading: watch::Sender<Reading>,
    /// The instances of this handle.
    listeners: Mutex<HashMap<InstanceId, Weak<dyn Listener>>>,
}

/// Whether what is published now is received.
#[derive(Debug)]
enum Reading {
    NotYet,
    Now,
    /// The server refuses this client.
    Refused(ClientError),
}

/// An instance that signals are for.
pub(crate) trait Listener: Send + Sync + std::fmt::Debug {
    /// Takes a signal.
    fn signal(&self, signal: Signal);
}

/// The time between two signs of life of a connection on which a message can come.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// The pause after a connection was lost, or could not be made.
const PAUSE: Duration = Duration::from_millis(20);

/// The same after the server has refused this client, which an operator may change.
const PAUSE_IF_REFUSED: Duration = Duration::from_secs(1);

impl Inbox {
    pub(crate) fn new(caller: Arc<ScriptCaller>, links: Links) -> Self {
        let id = InstanceId::new().to_string();
        let channel = keys::inbox_channel(&caller.prefix, &id);
        let waits = Arc::default();
        let inquiries = Arc::default();
        let (reading, listeners) = (watch::Sender::new(Reading::NotYet), Mutex::default());
        Self { id: id.into(), channel, links, caller, waits, inquiries, reading, listeners }
    }

    /// Registers an instance for signals.
    pub(crate) fn listen(&self, instance: InstanceId, listener: Weak<dyn Listener>) {
        let mut listeners = lock(&self.listeners);
        listeners.retain(|_, listener| listener.strong_count() > 0);
        listeners.insert(instance, listener);
        drop(listeners);
        self.waits.read.notify_one();
    }

    /// Begins a question whose answer comes here, as soon as the inbox is read: no record has the answer.
    pub(crate) async fn begin_inquiry(&self) -> Result<PendingInquiry, ClientError> {
        let pending = self.inquiries.begin();
        self.waits.read.notify_one();
        let mut reading = self.reading.subscribe();
        let known = reading.wait_for(|reading| !matches!(reading, Reading::NotYet)).await;
        match known.as_deref() {
            Ok(Reading::Refused(error)) => Err(error.clone()),
            _ => Ok(pending),
        }
    }

    /// Reads the inbox, from when there first is a wait, a question or an instance, until the transport ends.
    pub(crate) async fn read(self: Arc<Self>) {
        let mut is_first = true;
        while !self.waits.is_closed() {
            if !self.is_needed() && lock(&self.listeners).is_empty() {
                self.waits.read.notified().await;
                continue;
            }
            if let Err(error) = self.read_connection(is_first).await {
                is_first = false;
                self.caller.note(&error.to_string());
                if let ClientError::Refused(why) = &error {
                    self.reading.send_replace(Reading::Refused(error.clone()));
                    self.links.warn(&format!("outcomes come late, since the inbox can't be read: {why}"));
                    tokio::time::sleep(PAUSE_IF_REFUSED).await;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Whether a message can come now.
    fn is_needed(&self) -> bool {
        self.waits.is_reading_needed() || !self.inquiries.is_empty()
    }

    /// Reads what comes over one connection, until that is lost or the transport ends.
    async fn read_connection(&self, is_first: bool) -> Result<(), ClientError> {
        let deadline = Instant::now() + self.caller.timeout;
        let linked = self.links.get_any(Slot::of_key(&self.channel), deadline).await?;
        let read = linked.checked(self.read_messages(&linked.connection, is_first).await);
        self.reading.send_replace(Reading::NotYet);
        if !matches!(&read, Ok(()) | Err(ClientError::Lost(_) | ClientError::Demoted(_))) {
            linked.discard();
        }
        read
    }

    async fn read_messages(&self, connection: &Connection, is_first: bool) -> Result<(), ClientError> {
        let deadline = Instant::now() + self.caller.timeout;
        let mut messages = connection.messages();
        connection.subscribe(std::slice::from_ref(&self.channel), deadline).await?;
        self.reading.send_replace(Reading::Now);
        match is_first {
            true => self.waits.check_all(), // what was submitted meanwhile
            false => self.waits.check_after_reconnect(),
        }
        let mut living = pin!(self.ask_for_signs_of_life(connection));
        loop {
            tokio::select! {
                biased;
                received = messages.next() => match received? {
                    Received::Message { value, .. } => {
                        self.take_all(&value);
                        crash_point("inbox.after_read");
                    }
                    Received::Lagged => self.waits.check_after_reconnect(),
                },
                ended = &mut living => return ended,
            }
        }
    }

    /// A connection can be dead without an error, and nothing else is sent on this one. Resolves with an error when it is
    /// lost, or when the transport has ended.
    async fn ask_for_signs_of_life(&self, connection: &Connection) -> Result<(), ClientError> {
        while !self.waits.is_closed() {
            if !self.is_needed() {
                self.waits.read.notified().await;
                continue;
            }
            connection.sign_of_life(Instant::now() + self.caller.timeout).await?;
            let _ = tokio::time::timeout(SIGN_OF_LIFE, self.waits.closed.notified()).await; // whichever comes first
        }
        Ok(())
    }

    /// Takes the messages of one publication: its time, then a kind and a value for each.
    fn take_all(&self, publication: &Bytes) {
        let parts = unpack(publication);
        let Some((at, messages)) = parts.split_first() else { return };
        let at = wire::millis(at);
        for message in messages.chunks_exact(2) {
            self.take(&message[0], &message[1], at);
        }
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
}

/// Connects, and checks that the server lets this client publish: a script that may not tells nothing of it.
pub(crate) async fn check_channels(caller: &ScriptCaller) -> Result<(), ClientError> {
    let deadline = Instant::now() + caller.timeout;
    let prefix = &caller.prefix;
    let checks = [keys::inbox_channel(prefix, "none"), keys::events(prefix, "none")];
    try_join_all(checks.map(|channel| check_channel(caller, channel, deadline))).await.map(drop)
}

async fn check_channel(caller: &ScriptCaller, channel: Bytes, deadline: Instant) -> Result<(), ClientError> {
    let linked = caller.links.get_any(Slot::of_key(&channel), deadline).await;
    let linked = linked.map_err(|error| caller.failed(error))?;
    match linked.connection.command("PUBLISH", vec![channel, Bytes::new()], deadline).await {
        // Anything else is of that moment, and the calls that follow deal with it.
        Err(error @ ClientError::Refused(_)) => Err(error),
        _ => Ok(()),
    }
}

/// Publishes a message on the channel that is the first of the arguments.
pub(crate) async fn publish(
    caller: &ScriptCaller,
    args: Vec<Bytes>,
    deadline: Instant,
) -> Result<(), ClientError> {
    let linked = caller.links.get_any(Slot::of_key(&args[0]), deadline).await?;
    linked.checked(linked.connection.command("PUBLISH", args, deadline).await).map(drop)
}

/// A publication of one message, as scripts make them. The time counts for outcomes only.
pub(crate) fn inbox_message(kind: &'static str, value: impl AsRef<[u8]>) -> Bytes {
    let mut parts = Packed::new();
    parts.push("0").push(kind).push(value);
    parts.into_bytes().slice(1..) // without the count of parts, which scripts leave out
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
