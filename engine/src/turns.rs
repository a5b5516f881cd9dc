use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Waker};

use crate::memory::uncharged;

/// The scripts of a lane that have used up their slice and want to go on.
///
/// One at a time has its turn, in the order in which they lined up. So a script that was woken from a
/// wait, or has just been claimed, never has more than one of them before it, however many burn their
/// slices.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: RefCell<BTreeMap<u64, Waker>>,
    next: Cell<u64>,
    /// Whose turn it is, if somebody has it.
    current: Cell<Option<u64>>,
}

/// One script's place in the line, and then its turn, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Rc<Turns>,
    number: u64,
}

impl Turns {
    /// Lines up a script that has used up its slice; its task is woken when its turn has come.
    pub(crate) fn line_up(self: &Rc<Self>, cx: &Context<'_>) -> Turn {
        let number = self.next.get();
        self.next.set(number + 1);
        // The table is the lane's.
        uncharged(|| self.waiting.borrow_mut().insert(number, cx.waker().clone()));
        self.go_on();
        Turn { turns: Rc::clone(self), number }
    }

    /// How many scripts have lined up.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Gives the turn to the next, if nobody has it.
    fn go_on(&self) {
        if self.current.get().is_some() {
            return;
        }
        let next = self.waiting.borrow_mut().pop_first();
        if let Some((number, waker)) = next {
            self.current.set(Some(number));
            waker.wake();
        }
    }
}

impl Turn {
    /// Whether it has come; if not, the task is woken then.
    pub(crate) fn has_come(&self, cx: &Context<'_>) -> bool {
        let mut waiting = self.turns.waiting.borrow_mut();
        let waker = waiting.get_mut(&self.number);
        let waits = waker.is_some();
        if let Some(waker) = waker {
            waker.clone_from(cx.waker());
        }
        !waits
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let waker = self.turns.waiting.borrow_mut().remove(&self.number);
        drop(waker); // not under the borrow: it may run code of the executor
        if self.turns.current.get() == Some(self.number) {
            self.turns.current.set(None);
            self.turns.go_on();
        }
    }
}
