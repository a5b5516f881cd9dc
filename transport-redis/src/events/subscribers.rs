use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::task::Waker;

use rhai_dispatcher_core::{EventQueue, RunEvent, RunId, TaskId, lock};

use super::entries::{Entries, StreamId};

/// The subscribers of a handle, and what each has got.
///
/// A subscription is bounded by its queue; their number is up to the callers, which hold them.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    subscribers: HashMap<u64, Subscriber>,
    /// The key that was given last.
    last: u64,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) task: TaskId,
    queue: Weak<EventQueue>,
    /// The last entry that it has got.
    pub(super) last: StreamId,
    /// The last run that it was told of.
    run: Option<RunId>,
}

impl Subscribers {
    /// Adds one, which has got nothing. Returns its key.
    pub(super) fn add(&self, task: TaskId, queue: &Arc<EventQueue>) -> u64 {
        let queue = Arc::downgrade(queue);
        let mut table = lock(&self.0);
        table.last += 1;
        let key = table.last;
        table.subscribers.insert(key, Subscriber { task, queue, last: StreamId::default(), run: None });
        key
    }

    pub(super) fn remove(&self, key: u64) -> Option<Subscriber> {
        lock(&self.0).subscribers.remove(&key)
    }

    /// Removes all subscribers to a task.
    pub(super) fn remove_all(&self, task: TaskId) {
        lock(&self.0).subscribers.retain(|_, subscriber| subscriber.task != task);
    }

    /// The tasks with subscribers, and the entry after which one of these has not got all.
    pub(super) fn streams(&self) -> HashMap<TaskId, StreamId> {
        let mut table = lock(&self.0);
        table.subscribers.retain(|_, subscriber| subscriber.queue.strong_count() > 0);
        let mut streams = HashMap::new();
        for subscriber in table.subscribers.values() {
            let last = streams.entry(subscriber.task).or_insert(subscriber.last);
            *last = subscriber.last.min(*last);
        }
        streams
    }

    /// Gives entries of a task's stream to its subscribers.
    pub(super) fn take(&self, task: TaskId, entries: &Entries) {
        self.each(task, |subscriber| subscriber.entries(entries));
    }

    /// Tells the subscribers to a task of a run that they do not know, and that is not before the one that they know.
    pub(super) fn tell_start(&self, task: TaskId, run: RunId) {
        self.each(task, |subscriber| {
            let is_new = subscriber.run.is_none_or(|known| known != run && known.delivery <= run.delivery);
            if is_new { subscriber.event(run, RunEvent::Started) } else { None }
        });
    }

    /// Calls `f` for each subscriber to a task, and wakes the readers that it returns, without the lock.
    fn each(&self, task: TaskId, f: impl FnMut(&mut Subscriber) -> Option<Waker>) {
        let mut table = lock(&self.0);
        let subscribers = table.subscribers.values_mut().filter(|subscriber| subscriber.task == task);
        let woken: Vec<_> = subscribers.filter_map(f).collect();
        drop(table);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Subscriber {
    /// Takes the entries that are new to it, and wakes its reader.
    pub(super) fn take(&mut self, entries: &Entries) {
        if let Some(reader) = self.entries(entries) {
            reader.wake();
        }
    }

    /// Takes the entries that are new to it. Returns the waker of its reader.
    fn entries(&mut self, entries: &Entries) -> Option<Waker> {
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

    fn event(&mut self, run: RunId, event: RunEvent) -> Option<Waker> {
        self.run = Some(run);
        self.queue.upgrade()?.push(run, event)
    }
}
