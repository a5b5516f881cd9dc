use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use rhai_dispatcher_core::{
    ActivityPosition, ActivityQueue, EventQueue, RunId, TaskId, TaskStatus, WorkerId,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::entries::{RawEntry, StreamId, parse_entries, read_streams};
use super::subscribers::Subscribers;
use crate::activity::{WatchedStream, Watchers};
use crate::client::{ClientError, Connection, Link};
use crate::script::{Args, ScriptCaller, keys};
use crate::wire::event::parse_run;

/// Reads the streams of all tasks to which a handle has subscribers, on one connection of its own, while there are any.
#[derive(Debug)]
pub(crate) struct EventReader {
    /// A stream of this handle, which ends the blocking read when a subscriber comes.
    wake_key: Bytes,
    link: Link,
    pub(super) caller: Arc<ScriptCaller>,
    subscribers: Subscribers,
    /// Those that watch the activity of worker ids.
    watchers: Watchers,
    changed: Notify,
    /// Whether a subscriber has come since the records were read.
    has_new: AtomicBool,
    is_closed: AtomicBool,
}

/// The time between two reads of the records: a start without other events is told that late at most. Also the longest
/// blocking read.
const RECORDS_INTERVAL: Duration = Duration::from_secs(1);

/// How many records are read without waiting for an answer: bounds what one connection has under way.
const RECORDS_AT_ONCE: usize = 128;

/// How many entries of a stream are read at once.
const AT_ONCE: usize = 512;

/// How long the stream that wakes the reader is kept.
const WAKE_TTL: &str = "10000";

impl EventReader {
    pub(crate) fn new(caller: Arc<ScriptCaller>, link: Link, handle_id: &str) -> Self {
        Self {
            wake_key: keys::event_wake(&caller.prefix, handle_id),
            link,
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

    /// Ends the blocking read, which does not know of a new subscriber.
    pub(crate) async fn wake(&self) {
        let deadline = Instant::now() + self.caller.timeout;
        let Ok((connection, _)) = self.caller.link.get(deadline).await else { return };
        let mut args = Args::new();
        args.push(self.wake_key.clone()).push_static("MAXLEN").push_static("1").push_static("*");
        args.push_static("w").push_static("1");
        let mut expiry = Args::new();
        expiry.push(self.wake_key.clone()).push_static(WAKE_TTL);
        // If they fail, the read ends by itself within a second.
        let _ = connection.command("XADD", args.into_vec(), deadline).await;
        let _ = connection.command("PEXPIRE", expiry.into_vec(), deadline).await;
    }

    pub(super) fn remove(&self, key: u64) {
        self.subscribers.remove(key);
    }

    /// Gives a subscriber the rest of its task's stream, and removes it.
    pub(super) async fn read_rest(&self, key: u64) -> Result<(), ClientError> {
        let Some(mut subscriber) = self.subscribers.remove(key) else { return Ok(()) };
        loop {
            let stream = keys::events(&self.caller.prefix, subscriber.task);
            let mut args = Args::new();
            args.push_static("COUNT").push_display(AT_ONCE).push_static("STREAMS");
            args.push(stream).push_display(subscriber.last);
            let reply = self.caller.read_command("XREAD", args.into_vec()).await?;
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
        let mut woken = StreamId::default();
        let mut next_records = Instant::now();
        while !self.is_closed.load(Ordering::Acquire) {
            let streams = self.subscribers.streams();
            let watched = self.watchers.streams(&self.caller.prefix);
            if streams.is_empty() && watched.is_empty() {
                self.changed.notified().await;
                continue;
            }
            if self.has_new.swap(false, Ordering::AcqRel) {
                next_records = Instant::now();
            }
            if let Err(error) = self.read_once(&streams, &watched, &mut woken, &mut next_records).await {
                self.caller.note(&error.to_string());
                if matches!(error, ClientError::Server(_)) {
                    self.leave_overwritten(streams.into_keys(), watched).await;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    async fn read_once(
        &self,
        streams: &HashMap<TaskId, StreamId>,
        watched: &HashMap<Bytes, WatchedStream>,
        woken: &mut StreamId,
        next_records: &mut Instant,
    ) -> Result<(), ClientError> {
        let (connection, number) = self.link.get(Instant::now() + self.caller.timeout).await?;
        let answered = async {
            // Before the streams are read: what earlier runs have told is in them when a later one has begun.
            let mut starts = Vec::new();
            if Instant::now() >= *next_records {
                starts = self.starts(&connection, streams.keys().copied()).await?;
                *next_records = Instant::now() + RECORDS_INTERVAL;
            }
            let block = (!self.subscribers.is_news(&starts)).then(|| *next_records - Instant::now());
            let found = self.read_streams(&connection, streams, watched, *woken, block).await?;
            Ok((starts, found))
        };
        let (starts, found) = match answered.await {
            Ok(answered) => answered,
            Err(error) => {
                match &error {
                    ClientError::Demoted(_) => self.link.discard_generation(number),
                    ClientError::Timeout(_) => self.link.discard(number),
                    _ => {}
                }
                return Err(error);
            }
        };
        let tasks = streams.keys().map(|task| (keys::events(&self.caller.prefix, *task), *task));
        let tasks: HashMap<Bytes, TaskId> = tasks.collect();
        let mut left = Vec::new();
        for (key, entries) in found {
            if key == self.wake_key {
                *woken = entries.last().and_then(|(id, _)| id.parse().ok()).unwrap_or(*woken);
            } else if let Some(stream) = watched.get(&key) {
                entries.iter().for_each(|(id, fields)| self.watchers.take(&stream.worker_id, id, fields));
            } else if let Some(task) = tasks.get(&key) {
                self.subscribers.take(*task, &parse_entries(&entries));
                if entries.len() >= AT_ONCE {
                    left.push(*task);
                }
            }
        }
        for (task, run) in starts {
            // What the runs before it have told comes first.
            match left.contains(&task) {
                true => self.has_new.store(true, Ordering::Release),
                false => self.subscribers.tell_start(task, run),
            }
        }
        Ok(())
    }

    /// Leaves the streams whose keys another client has overwritten, which would keep the others from being read. Their
    /// subscribers get the end only.
    async fn leave_overwritten(
        &self,
        tasks: impl Iterator<Item = TaskId>,
        watched: HashMap<Bytes, WatchedStream>,
    ) {
        for (key, WatchedStream { worker_id, .. }) in watched {
            let Ok(kind) = self.caller.read_command("TYPE", vec![key]).await else { return };
            if !matches!(kind.as_str(), Some("stream" | "none")) {
                tracing::warn!(%worker_id, "the key of its activity was overwritten; it is watched no more");
                self.watchers.remove_all(&worker_id);
            }
        }
        for task in tasks {
            let key = keys::events(&self.caller.prefix, task);
            let Ok(kind) = self.caller.read_command("TYPE", vec![key]).await else { return };
            if !matches!(kind.as_str(), Some("stream" | "none")) {
                tracing::warn!(%task, "the key of its events was overwritten; its subscribers get its end only");
                self.subscribers.remove_all(task);
            }
        }
    }

    /// The runs that the records of tasks name.
    async fn starts(
        &self,
        connection: &Connection,
        tasks: impl Iterator<Item = TaskId>,
    ) -> Result<Vec<(TaskId, RunId)>, ClientError> {
        let deadline = Instant::now() + self.caller.timeout;
        let read = |task| {
            let mut args = Args::new();
            args.push(keys::record(&self.caller.prefix, task)).push_static("status").push_static("claim");
            connection.command("HMGET", args.into_vec(), deadline).map(move |values| (task, values))
        };
        let mut starts = Vec::new();
        let mut reads = stream::iter(tasks).map(read).buffered(RECORDS_AT_ONCE);
        while let Some((task, values)) = reads.next().await {
            let values = match values {
                Ok(values) => values.into_array(),
                Err(ClientError::Server(_)) => continue, // another client has overwritten this record
                Err(error) => return Err(error),
            };
            let [status, claim] = &values[..] else { continue };
            let runs = status.as_str().is_some_and(|status| status == TaskStatus::Processing.as_str());
            if let Some(run) = claim.as_str().filter(|_| runs).and_then(parse_run) {
                starts.push((task, run));
            }
        }
        Ok(starts)
    }

    /// The entries behind those that subscribers have got, by the name of the stream. `block`: waits for one so long.
    async fn read_streams(
        &self,
        connection: &Connection,
        streams: &HashMap<TaskId, StreamId>,
        watched: &HashMap<Bytes, WatchedStream>,
        woken: StreamId,
        block: Option<Duration>,
    ) -> Result<Vec<(Bytes, Vec<RawEntry>)>, ClientError> {
        let mut args = Args::new();
        args.push_static("COUNT").push_display(AT_ONCE);
        if let Some(block) = block {
            // 0 would be for ever.
            args.push_static("BLOCK").push_display(block.as_millis().max(1));
        }
        args.push_static("STREAMS").push(self.wake_key.clone());
        for task in streams.keys() {
            args.push(keys::events(&self.caller.prefix, *task));
        }
        for key in watched.keys() {
            args.push(key.clone());
        }
        args.push_display(woken);
        for last in streams.values() {
            args.push_display(last);
        }
        for WatchedStream { last, .. } in watched.values() {
            args.push(format!("{}-{}", last.millis, last.sequence));
        }
        let block = block.unwrap_or_default();
        let deadline = Instant::now() + block + self.caller.timeout;
        let reply = connection.blocking_command("XREAD", args.into_vec(), block, deadline).await?;
        Ok(read_streams(reply))
    }
}
