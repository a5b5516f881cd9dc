use std::collections::HashSet;

use crate::TaskId;

/// The tasks that a list has had already, so that one that moves meanwhile is not listed again.
#[derive(Debug, Default)]
pub(super) struct KnownIds(HashSet<TaskId>);

/// As many are kept: 2 MiB. Beyond that a task that moves may be listed again.
const MAX_IDS: usize = 100_000;

impl KnownIds {
    pub(super) fn contains(&self, id: TaskId) -> bool {
        self.0.contains(&id)
    }

    pub(super) fn insert(&mut self, id: TaskId) {
        if self.0.len() < MAX_IDS {
            self.0.insert(id);
        }
    }
}
