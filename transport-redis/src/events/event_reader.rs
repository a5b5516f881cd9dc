use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use futures::{FutureExt, future};
use rhai_dispatcher_core::{
    ActivityPosition, ActivityQueue, EventQueue, RunId, TaskId, TaskStatus, WorkerId,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::entries::{parse_entries, read_streams};
use super::streams::{Reader, Streams};
use super::subscribers::Subscribers;
use crate::activity::Watchers;
use crate::client::{ClientError, Linked, Links, Messages, Received};
use crate::script::{Args, ScriptCaller, keys};
use crate::slot::Slot;
use crate::wire::event::parse_run;

/// Reads the streams of all tasks to which a handle has subscribers, and of the activity that it watches. What writes to
/// a stream says so on the channel of the same name; a connection of its own hears that, while there are subscribers.
#[derive(Debug)]
pub(crate) struct EventReader {
    links: Links,
    /// Where it listens, if it can.
    slot: Slot,
    pub(super) caller: Arc<ScriptCaller>,
    subscribers: Subscribers,
    /// Those that watch the activity of worker ids.
    watchers: Watchers,
    changed: Notify,
    /// Whether a subscriber has come since the records were read.
    has_new: AtomicBool,
    is_closed: AtomicBool,
}

/// The time between two reads of the records, and of all streams: a start without other events is told that late at most,
/// and so is an entry of which the message was lost.
const RECORDS_INTERVAL: Duration = Duration::from_secs(1);

/// The pause after something failed.
const PAUSE: Duration = Duration::from_millis(100);

/// How many reads are sent without waiting for an answer: bounds what one connection has under way.
const READS_AT_ONCE: usize = 128;

/// How many entries of a stream are read at once.
pub(super) const AT_ONCE: usize = 512;

/// How many streams are read at once, about.
const STREAMS_AT_ONCE: usize = 64;

/// What is listened to over one connection.
struct Listening {
    linked: Linked,
    messages: Messages,
    channels: HashSet<Bytes>,
}

impl EventReader {
    pub(crate) fn new(caller: Arc<ScriptCaller>, links: Links, handle_id: &str) -> Self {
        Self {
            links,
            slot: Slot::of(&caller.prefix, handle_id),
            caller,
            subscribers: Subscribers::default(),
            watchers: Watchers::default(),
            changed: Notify::new(),
            has_new: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Adds a subscriber, which gets all that the stream of the task has.
    pub(super) fn add(&self, task: TaskId, queue: &Arc<EventQueue>) -> u64 {
        let key = self.subscribers.add(task, queue);
        self.has_new.store(true, Ordering::Release);
        self.changed.notify_one();
        key
    }

    /// Adds a watcher of the activity of a worker id, which gets what comes after `last`.
    pub(crate) fn watch_activity(
        &self,
        worker_id: WorkerId,
        queue: &Arc<ActivityQueue>,
        last: ActivityPosition,
    ) {
        self.watchers.add(worker_id, queue, last);
        self.changed.notify_one();
    }

    pub(super) fn remove(&self, key: u64) {
        self.subscribers.remove(key);
        self.changed.notify_one();
    }

    /// Gives a subscriber the rest of its task's stream, and removes it.
    pub(super) async fn read_rest(&self, key: u64) -> Result<(), ClientError> {
        let Some(mut subscriber) = self.subscribers.remove(key) else { return Ok(()) };
        self.changed.notify_one();
        loop {
            let stream = keys::events(&self.caller.prefix, subscriber.task);
            let mut args = Args::new();
            args.push_static("COUNT").push_display(AT_ONCE).push_static("STREAMS");
            args.push(stream.clone()).push_display(subscriber.last);
            let reply = self.caller.read_command("XREAD", &stream, args.into_vec()).await?;
            let Some((_, entries)) = read_streams(reply).pop() else { return Ok(()) };
            let entries = parse_entries(&entries);
            subscriber.take(&entries);
            if entries.len() < AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Ends the reader.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Reads while there are subscribers, until the transport ends.
    pub(crate) async fn read(self: Arc<Self>) {
        while !self.is_closed.load(Ordering::Acquire) {
            if self.streams().is_empty() {
                self.links.close();
                self.changed.notified().await;
                continue;
            }
            if let Err(error) = self.listen().await {
                self.caller.note(&error.to_string());
                if let ClientError::Refused(why) = &error {
                    self.links.warn(&format!("events and activity can't be followed: {why}"));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// The streams that are to be read now.
    fn streams(&self) -> Streams {
        Streams::new(&self.caller.prefix, &self.subscribers, &self.watchers)
    }

    /// Listens on one connection, and reads what comes, until there is nothing to read or the connection is lost.
    async fn listen(&self) -> Result<(), ClientError> {
        let linked = self.links.get_any(self.slot, Instant::now() + self.caller.timeout).await?;
        let messages = linked.connection.messages();
        let mut listening = Listening { linked, messages, channels: HashSet::new() };
        let (mut told, mut next_records) = (HashSet::new(), Instant::now());
        loop {
            let streams = self.streams();
            if streams.is_empty() || self.is_closed.load(Ordering::Acquire) {
                return Ok(());
            }
            // What is told before that is read with all that the stream has.
            told.extend(self.subscribe(&mut listening, &streams).await?);
            if self.has_new.swap(false, Ordering::AcqRel) || Instant::now() >= next_records {
                next_records = Instant::now() + RECORDS_INTERVAL;
                told.extend(streams.keys().cloned());
                told = self.read_all(&streams, told).await;
            } else {
                told = self.read_told(&streams, told).await;
            }
            if told.is_empty() {
                self.wait(&mut listening, &mut told, next_records).await?;
            }
        }
    }

    /// Reads the streams that were told of, and tells of the runs that the records name. Returns the streams that have more.
    async fn read_all(&self, streams: &Streams, told: HashSet<Bytes>) -> HashSet<Bytes> {
        // Before the streams are read: what earlier runs have told is in them when a later one has begun.
        let starts = self.starts(streams.tasks()).await;
        let more = self.read_told(streams, told).await;
        for (task, run) in starts {
            // What the runs before it have told comes first.
            match more.contains(&keys::events(&self.caller.prefix, task)) {
                true => self.has_new.store(true, Ordering::Release),
                false => self.subscribers.tell_start(task, run),
            }
        }
        more
    }

    /// Listens to the channels of new streams, which it returns, and to those of others no more.
    async fn subscribe(
        &self,
        listening: &mut Listening,
        streams: &Streams,
    ) -> Result<Vec<Bytes>, ClientError> {
        let Listening { linked, channels, .. } = listening;
        let deadline = Instant::now() + self.caller.timeout;
        let new: Vec<_> = streams.keys().filter(|key| !channels.contains(*key)).cloned().collect();
        let old: Vec<_> = channels.iter().filter(|key| !streams.has(key)).cloned().collect();
        let changed = async {
            if !old.is_empty() {
                linked.connection.unsubscribe(&old, deadline).await?;
            }
            if !new.is_empty() {
                linked.connection.subscribe(&new, deadline).await?;
            }
            Ok(())
        };
        let changed = linked.checked(changed.await);
        if changed.is_err() {
            linked.discard();
        }
        changed?;
        channels.retain(|key| streams.has(key));
        channels.extend(new.iter().cloned());
        Ok(new)
    }

    /// Waits until there is something to read, which is noted in `told`.
    async fn wait(
        &self,
        listening: &mut Listening,
        told: &mut HashSet<Bytes>,
        next_records: Instant,
    ) -> Result<(), ClientError> {
        let mut take = |received| match received {
            Received::Message { channel, .. } => drop(told.insert(channel)),
            Received::Lagged => told.extend(listening.channels.iter().cloned()),
        };
        tokio::select! {
            biased;
            received = listening.messages.next() => take(received?),
            () = self.changed.notified() => {}
            () = sleep_until(next_records) => {
                // A connection can be dead without an error.
                let deadline = Instant::now() + self.caller.timeout;
                let alive = listening.linked.connection.sign_of_life(deadline).await;
                if let Err(error) = listening.linked.checked(alive) {
                    listening.linked.discard();
                    return Err(error);
                }
            }
        }
        while let Some(received) = listening.messages.next().now_or_never() {
            take(received?);
        }
        Ok(())
    }

    /// Reads the streams that were told of, and gives their entries to subscribers. Returns those that have more. What could
    /// not be read is read with all others.
    async fn read_told(&self, streams: &Streams, told: HashSet<Bytes>) -> HashSet<Bytes> {
        let mut slots: HashMap<Slot, Vec<Bytes>> = HashMap::new();
        for key in told.into_iter().filter(|key| streams.has(key)) {
            slots.entry(Slot::of_key(&key)).or_default().push(key);
        }
        let parts: Vec<Vec<Bytes>> =
            slots.values().flat_map(|keys| keys.chunks(STREAMS_AT_ONCE).map(<[Bytes]>::to_vec)).collect();
        let read = async |keys: Vec<Bytes>| match self.read_part(streams, &keys).await {
            Ok(more) => more,
            Err(error) => {
                self.caller.note(&error.to_string());
                Vec::new()
            }
        };
        let reads: Vec<Vec<Bytes>> =
            stream::iter(parts).map(read).buffer_unordered(READS_AT_ONCE).collect().await;
        reads.into_iter().flatten().collect()
    }

    /// Reads streams of one slot. Returns those that have more.
    async fn read_part(&self, streams: &Streams, keys: &[Bytes]) -> Result<Vec<Bytes>, ClientError> {
        let mut args = Args::new();
        args.push_static("COUNT").push_display(AT_ONCE).push_static("STREAMS");
        for key in keys {
            args.push(key.clone());
        }
        for key in keys {
            args.push(streams.position(key));
        }
        let reply = match self.caller.read_command_once("XREAD", &keys[0], args.into_vec()).await {
            Err(error @ ClientError::Server(_)) => {
                self.leave_overwritten(streams, keys).await;
                return Err(error);
            }
            reply => reply?,
        };
        let mut more = Vec::new();
        for (key, entries) in read_streams(reply) {
            match streams.reader(&key) {
                Some(Reader::Watchers(worker_id)) => {
                    entries.iter().for_each(|(id, fields)| self.watchers.take(worker_id, id, fields));
                }
                Some(Reader::Subscribers(task)) => self.subscribers.take(*task, &parse_entries(&entries)),
                None => {}
            }
            if entries.len() >= AT_ONCE {
                more.push(key);
            }
        }
        Ok(more)
    }

    /// Leaves the streams whose keys another client has overwritten, which would keep the others from being read. Their
    /// subscribers get the end only.
    async fn leave_overwritten(&self, streams: &Streams, keys: &[Bytes]) {
        for key in keys {
            let Ok(kind) = self.caller.read_command_once("TYPE", key, vec![key.clone()]).await else {
                return;
            };
            if matches!(kind.as_str(), Some("stream" | "none")) {
                continue;
            }
            match streams.reader(key) {
                Some(Reader::Watchers(worker_id)) => {
                    tracing::warn!(%worker_id, "the key of its activity was overwritten; it is watched no more");
                    self.watchers.remove_all(worker_id);
                }
                Some(Reader::Subscribers(task)) => {
                    tracing::warn!(%task, "the key of its events was overwritten; its subscribers get its end only");
                    self.subscribers.remove_all(*task);
                }
                None => {}
            }
        }
    }

    /// The runs that the records of tasks name, as far as they can be read.
    async fn starts(&self, tasks: impl Iterator<Item = TaskId>) -> Vec<(TaskId, RunId)> {
        let read = async |task| {
            let key = keys::record(&self.caller.prefix, task);
            let mut args = Args::new();
            args.push(key.clone()).push_static("status").push_static("claim");
            // Another client may have overwritten this record.
            let values =
                self.caller.read_command_once("HMGET", &key, args.into_vec()).await.ok()?.into_array();
            let [status, claim] = &values[..] else { return None };
            let runs = status.as_str().is_some_and(|status| status == TaskStatus::Processing.as_str());
            Some((task, claim.as_str().filter(|_| runs).and_then(parse_run)?))
        };
        let reads = stream::iter(tasks).map(read).buffered(READS_AT_ONCE);
        reads.filter_map(future::ready).collect().await
    }
}
