use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard};

use rhai_dispatcher_core::lock;

use super::wait_table::WaitTable;

/// The locked table of waits. Answers the waiters that are over after it has released the lock, since that calls their
/// wakers.
#[derive(Debug)]
pub(super) struct WaitGuard<'a> {
    /// None only in `drop`.
    table: Option<MutexGuard<'a, WaitTable>>,
}

impl<'a> WaitGuard<'a> {
    pub(super) fn new(table: &'a Mutex<WaitTable>) -> Self {
        Self { table: Some(lock(table)) }
    }
}

impl Deref for WaitGuard<'_> {
    type Target = WaitTable;

    fn deref(&self) -> &WaitTable {
        self.table.as_ref().expect("it is there until the guard is dropped")
    }
}

impl DerefMut for WaitGuard<'_> {
    fn deref_mut(&mut self) -> &mut WaitTable {
        self.table.as_mut().expect("it is there until the guard is dropped")
    }
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        let over = std::mem::take(&mut self.over);
        self.table = None;
        for (waiter, answer) in over {
            if let Some(answer) = answer {
                // The receiver may have been dropped in the same moment.
                let _ = waiter.answer.send(answer);
            }
        }
    }
}
