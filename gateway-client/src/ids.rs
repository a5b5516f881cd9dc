use std::sync::atomic::{AtomicU64, Ordering};

/// The ids of calls.
#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    /// The first of `count` ids that no other call has.
    pub(crate) fn next(&self, count: usize) -> u64 {
        self.0.fetch_add(count as u64, Ordering::Relaxed)
    }
}
