use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::{Priority, lock};

/// A number of slots, of which each call takes one for as long as it is under way. Clones are the
/// same slots; they may be shared by functions, lanes and workers of a process.
///
/// Calls that wait for a free slot get it by priority, the oldest first. Every sixteenth slot goes to the oldest of
/// all, so that none waits for ever.
#[derive(Clone)]
pub struct Slots(Arc<SlotTable>);

struct SlotTable {
    max: usize,
    state: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    /// Slots that are taken, or assigned to a waiter that has not been polled since.
    taken: usize,
    /// The waiters, most urgent first.
    waiting: BTreeMap<Ticket, Waker>,
    next_number: u64,
    /// How many slots were assigned to waiters.
    assigned: u64,
}

/// The order of a waiter: the rank of its priority, and its number in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket {
    rank: u8,
    number: u64,
}

/// One in this many slots goes to the oldest waiter.
const FIRST_COME: u64 = 16;

impl Slots {
    /// `max` free slots, at least one.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self(Arc::new(SlotTable { max: max.max(1), state: Mutex::default() }))
    }

    /// How many there are.
    #[must_use]
    pub fn max(&self) -> usize {
        self.0.max
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.0.lock().taken
    }

    /// How many calls wait for one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting.len()
    }

    /// Takes a slot as soon as one is free. Dropping the future ends the wait, and
    /// loses no slot.
    pub fn acquire(&self, priority: Priority) -> Acquire {
        let rank = Priority::ALL.iter().position(|other| *other == priority).unwrap_or_default();
        Acquire { slots: self.clone(), rank: u8::try_from(rank).unwrap_or(u8::MAX), ticket: None }
    }
}

/// A slot that is taken; dropping it frees it.
#[derive(Debug)]
pub struct Slot(Slots);

/// The future of [`Slots::acquire`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct Acquire {
    slots: Slots,
    rank: u8,
    /// The ticket, once the call waits.
    ticket: Option<Ticket>,
}

impl Future for Acquire {
    type Output = Slot;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot> {
        let this = &mut *self;
        let mut state = this.slots.0.lock();
        match this.ticket {
            // A waiter that has left the queue has a slot.
            Some(ticket) => match state.waiting.get_mut(&ticket) {
                Some(waker) => {
                    waker.clone_from(cx.waker());
                    return Poll::Pending;
                }
                None => this.ticket = None,
            },
            None if state.taken < this.slots.0.max => state.taken += 1,
            None => {
                state.next_number += 1;
                let ticket = Ticket { rank: this.rank, number: state.next_number };
                state.waiting.insert(ticket, cx.waker().clone());
                this.ticket = Some(ticket);
                return Poll::Pending;
            }
        }
        drop(state);
        Poll::Ready(Slot(this.slots.clone()))
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let waker = self.slots.0.lock().waiting.remove(&ticket);
        if waker.is_none() {
            // A slot was assigned to it meanwhile.
            self.slots.0.release();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.0.release();
    }
}

impl SlotTable {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        lock(&self.state)
    }

    /// Assigns a slot to the next waiter, and wakes it with no lock held.
    fn release(&self) {
        let mut state = self.lock();
        let next = state.next();
        match &next {
            Some(_) => state.assigned += 1,
            None => state.taken -= 1,
        }
        drop(state);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

impl Waiters {
    fn next(&mut self) -> Option<Waker> {
        if self.assigned % FIRST_COME == FIRST_COME - 1 {
            // The first of each rank came before all others of it.
            let firsts = (0..=u8::MAX).take(Priority::ALL.len()).filter_map(|rank| {
                let from = Ticket { rank, number: 0 };
                let first = self.waiting.range(from..).next().map(|(ticket, _)| *ticket);
                first.filter(|ticket| ticket.rank == rank)
            });
            let oldest = firsts.min_by_key(|ticket| ticket.number)?;
            return self.waiting.remove(&oldest);
        }
        self.waiting.pop_first().map(|(_, waker)| waker)
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, waiting) = (self.taken(), self.waiting());
        f.debug_struct("Slots")
            .field("max", &self.max())
            .field("taken", &taken)
            .field("waiting", &waiting)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn take(acquire: &mut Acquire) -> Option<Slot> {
        acquire.now_or_never()
    }

    #[test]
    fn the_most_urgent_goes_first_and_the_oldest_of_those() {
        let slots = Slots::new(1);
        let slot = take(&mut slots.acquire(Priority::Low));
        let mut waiting: Vec<_> = [Priority::Low, Priority::Normal, Priority::High, Priority::High]
            .map(|p| slots.acquire(p))
            .into();
        assert!(waiting.iter_mut().all(|acquire| take(acquire).is_none()));
        assert_eq!((slots.taken(), slots.waiting()), (1, 4));
        let mut held = slot;
        for index in [2, 3, 1, 0] {
            drop(held);
            held = take(&mut waiting[index]);
            assert!(held.is_some(), "{index}");
        }
        drop(held);
        assert_eq!((slots.taken(), slots.waiting()), (0, 0));
    }

    #[test]
    fn a_wait_that_is_dropped_loses_no_slot() {
        let slots = Slots::new(1);
        let slot = take(&mut slots.acquire(Priority::Normal));
        let (mut first, mut second) = (slots.acquire(Priority::Normal), slots.acquire(Priority::Normal));
        assert!(take(&mut first).is_none() && take(&mut second).is_none());
        drop(slot); // the first has it now, and does not know
        drop(first);
        let slot = take(&mut second);
        assert!(slot.is_some());
        let mut third = slots.acquire(Priority::Normal);
        assert!(take(&mut third).is_none());
        drop(third);
        drop(slot);
        assert_eq!((slots.taken(), slots.waiting()), (0, 0));
    }

    #[test]
    fn low_is_not_starved() {
        let slots = Slots::new(1);
        let mut held = take(&mut slots.acquire(Priority::Normal));
        let mut low = slots.acquire(Priority::Low);
        assert!(take(&mut low).is_none());
        let mut rounds = 0;
        let mut high = slots.acquire(Priority::High);
        assert!(take(&mut high).is_none());
        loop {
            drop(held);
            held = take(&mut low);
            if held.is_some() {
                break;
            }
            held = take(&mut high);
            high = slots.acquire(Priority::High);
            assert!(take(&mut high).is_none());
            rounds += 1;
            assert!(rounds <= FIRST_COME);
        }
    }
}
