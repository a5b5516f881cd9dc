use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rhai_dispatcher_core::{TaskId, Tick, TransportConfig, lock};

use super::id_hasher::IdHasher;
use super::record::Record;

/// All records, by id. Those of finished tasks are kept for a time, and up to a bound.
///
/// Dropped records go into the list `dropped` of the call, since their queues may know them by their request ids.
pub(crate) struct Records {
    shards: [Mutex<Shard>; Self::SHARDS],
    hasher: IdHasher,
    /// How many finished ones a shard keeps.
    max_per_shard: usize,
    /// How many bytes of them.
    max_bytes_per_shard: usize,
    /// How long they are kept.
    ttl: Duration,
}

#[derive(Default)]
struct Shard {
    records: HashMap<TaskId, Arc<Record>, IdHasher>,
    /// The finished ones, in the order in which they expire.
    finished: VecDeque<Finished>,
    finished_bytes: usize,
}

struct Finished {
    id: TaskId,
    expires_at: Tick,
    bytes: usize,
}

impl Records {
    /// Enough that a handful of threads seldom meet.
    const SHARDS: usize = 16;

    pub(crate) fn new(config: &TransportConfig) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: IdHasher::default(),
            max_per_shard: config.max_finished_records / Self::SHARDS,
            max_bytes_per_shard: config.max_finished_bytes / Self::SHARDS,
            ttl: config.record_ttl,
        }
    }

    fn shard(&self, id: TaskId) -> MutexGuard<'_, Shard> {
        // The table inside uses the low bits and the seven highest.
        let index = (self.hasher.hash_one(id) >> 40) as usize % Self::SHARDS;
        lock(&self.shards[index])
    }

    /// The record under that id, unless it has expired. The time is asked only if it matters.
    pub(crate) fn get(
        &self,
        id: TaskId,
        now: impl FnOnce() -> Tick,
        dropped: &mut Vec<Arc<Record>>,
    ) -> Option<Arc<Record>> {
        let record = self.shard(id).records.get(&id).cloned()?;
        let Some(ended_at) = record.ended_at() else { return Some(record) };
        let now = now();
        if now < ended_at + self.ttl {
            return Some(record);
        }
        self.shard(id).expire(now, (usize::MAX, usize::MAX), dropped);
        None
    }

    /// Whether there is a record under that id.
    pub(crate) fn contains(&self, id: TaskId) -> bool {
        self.shard(id).records.contains_key(&id)
    }

    /// Adds a record, unless there is one under its id. Whether it was added.
    ///
    /// What has expired or is too much, of the records that share a shard with it, is dropped here and not, as long as
    /// that suffices, when a task finishes: so the same thread makes and drops what the tasks of one caller share, and
    /// a lane does not contend with it for each count.
    pub(crate) fn insert(&self, record: &Arc<Record>, now: Tick, dropped: &mut Vec<Arc<Record>>) -> bool {
        let mut shard = self.shard(record.task.id);
        shard.expire(now, (self.max_per_shard, self.max_bytes_per_shard), dropped);
        match shard.records.entry(record.task.id) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(Arc::clone(record));
                true
            }
        }
    }

    /// Notes that `record` has its outcome, and may be forgotten once its time is over.
    pub(crate) fn finished(&self, record: &Record, now: Tick, dropped: &mut Vec<Arc<Record>>) {
        let expires_at = now + self.ttl;
        let bytes = record.bytes();
        let mut shard = self.shard(record.task.id);
        shard.finished_bytes += bytes;
        shard.finished.push_back(Finished { id: record.task.id, expires_at, bytes });
        let (count, bytes) = (self.max_per_shard, self.max_bytes_per_shard);
        // A batch of waiters that have just been woken may still want theirs; without a submit they go now.
        if shard.finished.len() > count.saturating_mul(2) || shard.finished_bytes > bytes.saturating_mul(2) {
            shard.expire(now, (count, bytes), dropped);
        }
    }
}

impl Shard {
    /// Takes out what has expired by `now`, and the oldest beyond so many and so many bytes, though never
    /// the newest of all: a waiter that has just been woken still wants it.
    fn expire(&mut self, now: Tick, (max, max_bytes): (usize, usize), expired: &mut Vec<Arc<Record>>) {
        while let Some(oldest) = self.finished.front() {
            let over = self.finished.len() > max.max(1)
                || self.finished_bytes > max_bytes && self.finished.len() > 1;
            if oldest.expires_at > now && !over {
                break;
            }
            self.finished_bytes -= oldest.bytes;
            expired.extend(self.records.remove(&oldest.id));
            self.finished.pop_front();
        }
    }
}
