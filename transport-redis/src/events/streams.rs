use std::collections::HashMap;

use bytes::Bytes;
use rhai_dispatcher_core::{TaskId, WorkerId};

use super::subscribers::Subscribers;
use crate::activity::Watchers;
use crate::script::keys;

/// The streams that a handle reads, by key.
#[derive(Debug)]
pub(super) struct Streams(HashMap<Bytes, Stream>);

#[derive(Debug)]
struct Stream {
    reader: Reader,
    /// The entry after which one of its readers has not got all.
    position: String,
}

/// What a stream is read for.
#[derive(Debug)]
pub(super) enum Reader {
    /// The subscribers to a task.
    Subscribers(TaskId),
    /// Those that watch the activity of a worker id.
    Watchers(WorkerId),
}

impl Streams {
    /// Those of all subscribers and watchers of a handle.
    pub(super) fn new(prefix: &str, subscribers: &Subscribers, watchers: &Watchers) -> Self {
        let events = subscribers.streams().into_iter().map(|(task, last)| {
            let stream = Stream { reader: Reader::Subscribers(task), position: last.to_string() };
            (keys::events(prefix, task), stream)
        });
        let activity = watchers.streams().into_iter().map(|(worker_id, last)| {
            let key = keys::activity(prefix, &worker_id);
            let position = format!("{}-{}", last.millis, last.sequence);
            (key, Stream { reader: Reader::Watchers(worker_id), position })
        });
        Self(events.chain(activity).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, key: &Bytes) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.0.keys()
    }

    pub(super) fn reader(&self, key: &Bytes) -> Option<&Reader> {
        self.0.get(key).map(|stream| &stream.reader)
    }

    /// Behind which entry a stream is to be read, as text.
    pub(super) fn position(&self, key: &Bytes) -> String {
        self.0.get(key).map(|stream| stream.position.clone()).unwrap_or_else(|| "0".into())
    }

    /// The tasks with subscribers.
    pub(super) fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.0.values().filter_map(|stream| match &stream.reader {
            Reader::Subscribers(task) => Some(*task),
            Reader::Watchers(_) => None,
        })
    }
}
