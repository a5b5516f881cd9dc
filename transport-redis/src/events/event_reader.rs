use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{EventQueue, RunEvent, RunId, TaskId, TaskStatus, lock};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::stream_id::StreamId;
use crate::client::{ClientError, Connection, Link, ServerReply};
use crate::script::{Args, ScriptCaller, keys};
use crate::wire::event::{decode, parse_run};

/// Reads the streams of all tasks to which a handle has subscribers, on one connection of its own, while there are any.
#[derive(Debug)]
pub(crate) struct EventReader {
    /// A stream of this handle, which ends the blocking read when a subscriber comes.
    wake_key: Bytes,
    link: Link,
    pub(super) caller: Arc<ScriptCaller>,
    followed: Mutex<Followed>,
    changed: Notify,
    /// Whether a subscriber has come since the records were looked at.
    has_new: AtomicBool,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Followed {
    subscribers: HashMap<u64, Subscriber>,
    next: u64,
}

#[derive(Debug)]
struct Subscriber {
    task: TaskId,
    queue: Weak<EventQueue>,
    /// The last entry that it has got.
    last: StreamId,
    /// The last run that it was told of.
    run: Option<RunId>,
}

/// The time between two looks at the records: a start without other events is told that late at most. Also the longest
/// blocking read.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How many entries of a stream are read at once.
const AT_ONCE: usize = 512;

/// How long the stream that wakes the reader is kept.
const WAKE_TTL: &str = "10000";

/// The entries of one stream.
type Entries = Vec<(StreamId, Option<(RunId, RunEvent)>)>;

impl EventReader {
    pub(crate) fn new(caller: Arc<ScriptCaller>, link: Link, handle_id: &str) -> Self {
        Self {
            wake_key: keys::event_wake(&caller.prefix, handle_id),
            link,
            caller,
            followed: Mutex::default(),
            changed: Notify::new(),
            has_new: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Adds a subscriber, which gets all that the stream of the task has.
    pub(super) fn add(&self, task: TaskId, queue: &Arc<EventQueue>) -> u64 {
        let mut followed = lock(&self.followed);
        followed.next += 1;
        let key = followed.next;
        let subscriber =
            Subscriber { task, queue: Arc::downgrade(queue), last: StreamId::default(), run: None };
        followed.subscribers.insert(key, subscriber);
        drop(followed);
        self.has_new.store(true, Ordering::Release);
        self.changed.notify_one();
        key
    }

    /// Ends the blocking read, which does not know of a new subscriber.
    pub(super) async fn wake(&self) {
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
        lock(&self.followed).subscribers.remove(&key);
    }

    /// Gives a subscriber the rest of its task's stream, and removes it.
    pub(super) async fn read_rest(&self, key: u64) -> Result<(), ClientError> {
        let Some(mut subscriber) = lock(&self.followed).subscribers.remove(&key) else { return Ok(()) };
        loop {
            let stream = keys::events(&self.caller.prefix, subscriber.task);
            let mut args = Args::new();
            args.push_static("COUNT").push_display(AT_ONCE).push_static("STREAMS");
            args.push(stream).push_display(subscriber.last);
            let reply = self.caller.read_command("XREAD", args.into_vec()).await?;
            let Some((_, entries)) = parse_streams(reply).pop() else { return Ok(()) };
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
        let mut next_look = Instant::now();
        while !self.is_closed.load(Ordering::Acquire) {
            let streams = self.streams();
            if streams.is_empty() {
                self.changed.notified().await;
                continue;
            }
            if self.has_new.swap(false, Ordering::AcqRel) {
                next_look = Instant::now();
            }
            if let Err(error) = self.read_once(&streams, &mut woken, &mut next_look).await {
                self.caller.note(&error.to_string());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// The tasks with subscribers, and the entry after which one of these has not got all.
    fn streams(&self) -> HashMap<TaskId, StreamId> {
        let mut followed = lock(&self.followed);
        followed.subscribers.retain(|_, subscriber| subscriber.queue.strong_count() > 0);
        let mut streams = HashMap::new();
        for subscriber in followed.subscribers.values() {
            let last = streams.entry(subscriber.task).or_insert(subscriber.last);
            *last = subscriber.last.min(*last);
        }
        streams
    }

    async fn read_once(
        &self,
        streams: &HashMap<TaskId, StreamId>,
        woken: &mut StreamId,
        next_look: &mut Instant,
    ) -> Result<(), ClientError> {
        let (connection, number) = self.link.get(Instant::now() + self.caller.timeout).await?;
        let answered = async {
            // Before the streams are read: what earlier runs have told is in them when a later one has begun.
            let starts = match Instant::now() >= *next_look {
                true => self.starts(&connection, streams.keys().copied()).await?,
                false => Vec::new(),
            };
            if Instant::now() >= *next_look {
                *next_look = Instant::now() + LOOK_INTERVAL;
            }
            let block = (!self.is_news(&starts)).then(|| *next_look - Instant::now());
            let found = self.read_streams(&connection, streams, *woken, block).await?;
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
        let mut left = Vec::new();
        for (key, entries) in found {
            if key == self.wake_key {
                *woken = entries.last().map_or(*woken, |(id, _)| *id);
            } else if let Some(task) =
                streams.keys().find(|task| keys::events(&self.caller.prefix, **task) == key)
            {
                self.take(*task, &entries);
                if entries.len() >= AT_ONCE {
                    left.push(*task);
                }
            }
        }
        for (task, run) in starts {
            // What the runs before it have told comes first.
            match left.contains(&task) {
                true => self.has_new.store(true, Ordering::Release),
                false => self.tell_start(task, run),
            }
        }
        Ok(())
    }

    /// The runs that the records of tasks name.
    async fn starts(
        &self,
        connection: &Connection,
        tasks: impl Iterator<Item = TaskId>,
    ) -> Result<Vec<(TaskId, RunId)>, ClientError> {
        let deadline = Instant::now() + self.caller.timeout;
        let mut starts = Vec::new();
        for task in tasks {
            let mut args = Args::new();
            args.push(keys::record(&self.caller.prefix, task)).push_static("status").push_static("claim");
            let values = connection.command("HMGET", args.into_vec(), deadline).await?.into_array();
            let [status, claim] = &values[..] else { continue };
            let runs = status.as_str().is_some_and(|status| status == TaskStatus::Processing.as_str());
            if let Some(run) = claim.as_str().filter(|_| runs).and_then(parse_run) {
                starts.push((task, run));
            }
        }
        Ok(starts)
    }

    /// Whether a subscriber does not know of one of these runs.
    fn is_news(&self, starts: &[(TaskId, RunId)]) -> bool {
        let followed = lock(&self.followed);
        let is_new = |(task, run): &(TaskId, RunId)| {
            followed.subscribers.values().any(|it| it.task == *task && it.run != Some(*run))
        };
        starts.iter().any(is_new)
    }

    /// The entries behind those that subscribers have got, by the name of the stream. `block`: waits for one so long.
    async fn read_streams(
        &self,
        connection: &Connection,
        streams: &HashMap<TaskId, StreamId>,
        woken: StreamId,
        block: Option<Duration>,
    ) -> Result<Vec<(Bytes, Entries)>, ClientError> {
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
        args.push_display(woken);
        for last in streams.values() {
            args.push_display(last);
        }
        let block = block.unwrap_or_default();
        let deadline = Instant::now() + block + self.caller.timeout;
        let reply = connection.blocking_command("XREAD", args.into_vec(), block, deadline).await?;
        Ok(parse_streams(reply))
    }

    /// Gives entries of a task's stream to its subscribers.
    fn take(&self, task: TaskId, entries: &Entries) {
        let mut followed = lock(&self.followed);
        let subscribers = followed.subscribers.values_mut().filter(|subscriber| subscriber.task == task);
        let woken: Vec<_> = subscribers.flat_map(|subscriber| subscriber.entries(entries)).collect();
        drop(followed);
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    fn tell_start(&self, task: TaskId, run: RunId) {
        let mut followed = lock(&self.followed);
        let mut woken = Vec::new();
        for subscriber in followed.subscribers.values_mut() {
            if subscriber.task == task
                && subscriber.run.is_none_or(|known| known.delivery <= run.delivery && known != run)
            {
                woken.extend(subscriber.event(run, RunEvent::Started));
            }
        }
        drop(followed);
        woken.into_iter().for_each(std::task::Waker::wake);
    }
}

impl Subscriber {
    /// Takes the entries that are new to it, and wakes its reader. No lock may be held.
    fn take(&mut self, entries: &Entries) {
        self.entries(entries).into_iter().for_each(std::task::Waker::wake);
    }

    /// Takes the entries that are new to it. Returns the waker of its reader.
    fn entries(&mut self, entries: &Entries) -> Option<std::task::Waker> {
        let mut woken = None;
        for (id, event) in entries {
            if *id > self.last {
                self.last = *id;
                if let Some((run, event)) = event {
                    woken = self.event(*run, event.clone()).or(woken);
                }
            }
        }
        woken
    }

    fn event(&mut self, run: RunId, event: RunEvent) -> Option<std::task::Waker> {
        self.run = Some(run);
        self.queue.upgrade()?.push(run, event)
    }
}

/// The entries of an answer to XREAD, by the name of the stream.
fn parse_streams(reply: ServerReply) -> Vec<(Bytes, Entries)> {
    let mut parts = reply.into_array().into_iter();
    let mut streams = Vec::new();
    while let (Some(name), Some(entries)) = (parts.next(), parts.next()) {
        let Some(name) = name.as_bytes().cloned() else { continue };
        let entry = |entry: ServerReply| {
            let mut parts = entry.into_array().into_iter();
            let id = parts.next()?.as_str()?.parse().ok()?;
            let fields = parts.next().map(ServerReply::into_array).unwrap_or_default();
            Some((id, decode(fields.iter().filter_map(ServerReply::as_bytes))))
        };
        streams.push((name, entries.into_array().into_iter().filter_map(entry).collect()));
    }
    streams
}
