use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::log_reader::{LogReader, Looked};
use crate::{
    ActivityEntry, ActivityError, ActivityFilter, Dispatcher, Error, ErrorFingerprint, MethodName, TaskId,
    WallTime, WorkerId,
};

/// The errors of the activity that match a filter, those with the same fingerprint together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ErrorGroups {
    /// The groups, the largest first; of two with as many errors the one with the later error.
    pub groups: Vec<ErrorGroup>,
    /// Errors of further groups, beyond [`MAX_GROUPS`](Self::MAX_GROUPS).
    pub others: u64,
    /// Whether older entries were not looked at: beyond [`MAX_READ`](Self::MAX_READ) of them.
    pub truncated: bool,
}

/// Errors with one fingerprint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ErrorGroup {
    /// What they have in common.
    pub fingerprint: ErrorFingerprint,
    /// How many there are, tries that are repeated included.
    pub count: u64,
    /// When the first one was.
    pub first: WallTime,
    /// When the last one was.
    pub last: WallTime,
    /// The task of the last one.
    pub task_id: TaskId,
    /// Its worker id.
    pub worker_id: WorkerId,
    /// Its method, if it is a call.
    pub method: Option<MethodName>,
    /// The name of its script, if it has one.
    pub script_name: Option<Arc<str>>,
    /// Its error.
    pub error: ActivityError,
}

impl ErrorGroups {
    /// How many entries are looked at, at most.
    pub const MAX_READ: usize = 100_000;
    /// How many groups there are at most.
    pub const MAX_GROUPS: usize = 1_000;
}

impl ErrorGroup {
    /// The group of one entry; none if that has no error.
    fn new(fingerprint: ErrorFingerprint, entry: ActivityEntry) -> Option<Self> {
        Some(Self {
            fingerprint,
            count: 1,
            first: entry.ended_at,
            last: entry.ended_at,
            task_id: entry.task_id,
            worker_id: entry.worker_id,
            method: entry.method,
            script_name: entry.script_name,
            error: entry.error?,
        })
    }

    /// Adds an entry, which is the example from now on if it ended later: lanes may log theirs in another order.
    fn add(&mut self, entry: ActivityEntry) {
        let (count, first) = (self.count + 1, self.first.min(entry.ended_at));
        if entry.ended_at > self.last
            && let Some(later) = Self::new(self.fingerprint, entry)
        {
            *self = later;
        }
        (self.count, self.first) = (count, first);
    }
}

impl Dispatcher {
    /// Reads the errors of the activity that match a filter, and groups them by their fingerprint: their text without
    /// numbers, ids and quoted parts. Each group has the last of its errors as an example.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn errors(&self, filter: ActivityFilter) -> Result<ErrorGroups, Error> {
        let mut reader = LogReader::new(self.transport(), &filter, None).await?;
        let mut groups: HashMap<ErrorFingerprint, ErrorGroup> = HashMap::new();
        let (mut count, mut others) = (0, 0);
        let mut truncated = false;
        while let Some(looked) = reader.next().await? {
            if count == ErrorGroups::MAX_READ {
                truncated = true;
                break;
            }
            count += 1;
            let Looked::Matching(entry) = looked else { continue };
            let Some(fingerprint) = entry.fingerprint() else { continue };
            let entry = *entry;
            if let Some(group) = groups.get_mut(&fingerprint) {
                group.add(entry);
            } else if groups.len() >= ErrorGroups::MAX_GROUPS {
                others += 1;
            } else if let Some(group) = ErrorGroup::new(fingerprint, entry) {
                groups.insert(fingerprint, group);
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by(|one, other| {
            (other.count, other.last, one.fingerprint).cmp(&(one.count, one.last, other.fingerprint))
        });
        Ok(ErrorGroups { groups, others, truncated })
    }
}
