use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Waker};

use crate::memory::uncharged;

/// The run slot of a lane: what its CPU-bound scripts share, those that have used up their slice and have more to do.
///
/// One of them at a time holds it, for a slice, in the order in which they were queued. So a script that was woken from
/// a wait, or has just been claimed, never has more than one of them before it, however many compute.
#[derive(Debug, Default)]
pub(super) struct RunSlot {
    queue: RefCell<BTreeMap<u64, Waker>>,
    next: Cell<u64>,
    /// The script that holds the slot, if one does.
    holder: Cell<Option<u64>>,
}

/// One script's place in the queue for the run slot, and then the slot, until this is dropped.
#[derive(Debug)]
pub(super) struct RunSlotTicket {
    slot: Rc<RunSlot>,
    number: u64,
}

impl RunSlot {
    /// Queues a script that has used up its slice; its task is woken when it holds the slot.
    pub(super) fn enqueue(self: &Rc<Self>, cx: &Context<'_>) -> RunSlotTicket {
        let number = self.next.get();
        self.next.set(number + 1);
        // The table is the lane's.
        uncharged(|| self.queue.borrow_mut().insert(number, cx.waker().clone()));
        self.grant();
        RunSlotTicket { slot: Rc::clone(self), number }
    }

    /// How many scripts are queued.
    pub(super) fn queued(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Grants the slot to the next script, if it is free.
    fn grant(&self) {
        if self.holder.get().is_some() {
            return;
        }
        let next = self.queue.borrow_mut().pop_first();
        if let Some((number, waker)) = next {
            self.holder.set(Some(number));
            waker.wake();
        }
    }
}

impl RunSlotTicket {
    /// Whether the script holds the slot; if not, the task is woken when it does.
    pub(super) fn holds_slot(&self, cx: &Context<'_>) -> bool {
        let mut queue = self.slot.queue.borrow_mut();
        let waker = queue.get_mut(&self.number);
        let is_queued = waker.is_some();
        if let Some(waker) = waker {
            waker.clone_from(cx.waker());
        }
        !is_queued
    }
}

impl Drop for RunSlotTicket {
    fn drop(&mut self) {
        let waker = self.slot.queue.borrow_mut().remove(&self.number);
        drop(waker); // not under the borrow: it may run code of the executor
        if self.slot.holder.get() == Some(self.number) {
            self.slot.holder.set(None);
            self.slot.grant();
        }
    }
}
