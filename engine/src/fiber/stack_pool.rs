use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use super::FiberStack;
use crate::metrics::StackMetrics;

/// The stacks of one lane. Clones are the same pool.
#[derive(Debug, Clone)]
pub(crate) struct StackPool(Rc<Pool>);

#[derive(Debug)]
struct Pool {
    /// The size of each stack.
    stack_size: usize,
    /// How many idle stacks are kept.
    max_idle: usize,
    /// The idle stacks, the one used last at the back, where the next is taken: its pages are in the processor's caches.
    idle: RefCell<VecDeque<FiberStack>>,
    /// How many stacks have been given back, for [`TRIM_EVERY`].
    returned: Cell<u32>,
    metrics: StackMetrics,
}

/// What an idle stack keeps of its pages. Most scripts need less, and so run without a page
/// fault and end without a system call.
pub(crate) const KEPT: usize = 32 * 1024;

/// Code without an operation (a native function, a deep drop) can go deeper than was seen. So every
/// so many times a stack is trimmed whatever was seen, rarely enough that the system call is not felt.
const TRIM_EVERY: u32 = 256;

impl StackPool {
    pub(crate) fn new(stack_size: usize, max_idle: usize) -> Self {
        let metrics = StackMetrics::new();
        Self(Rc::new(Pool {
            stack_size,
            max_idle,
            idle: RefCell::default(),
            returned: Cell::default(),
            metrics,
        }))
    }

    /// A stack that is not in use.
    pub(crate) fn take(&self) -> io::Result<FiberStack> {
        match self.0.idle.borrow_mut().pop_back() {
            Some(stack) => Ok(stack),
            None => self.0.map(),
        }
    }

    /// Takes a stack back, whose lowest address in use was `lowest` as far as was noticed.
    pub(crate) fn put_back(&self, mut stack: FiberStack, lowest: usize) {
        let pool = &*self.0;
        let mut idle = pool.idle.borrow_mut();
        if idle.len() >= pool.max_idle {
            pool.metrics.unmapped(pool.stack_size);
            return;
        }
        let returned = pool.returned.get().wrapping_add(1);
        pool.returned.set(returned);
        if stack.top().saturating_sub(lowest) > KEPT || returned.is_multiple_of(TRIM_EVERY) {
            stack.trim(KEPT);
        }
        idle.push_back(stack);
    }

    /// Sees to it that `wanted` stacks are idle, as far as the system allows. How many are.
    pub(crate) fn reserve(&self, wanted: usize) -> usize {
        let mut idle = self.0.idle.borrow_mut();
        while idle.len() < wanted {
            match self.0.map() {
                // At the front: the others have pages already.
                Ok(stack) => idle.push_front(stack),
                Err(error) => {
                    tracing::debug!(%error, idle = idle.len(), "no further stacks");
                    break;
                }
            }
        }
        idle.len()
    }

    /// How many stacks are idle.
    #[cfg(test)]
    pub(crate) fn idle(&self) -> usize {
        self.0.idle.borrow().len()
    }
}

impl Pool {
    fn map(&self) -> io::Result<FiberStack> {
        let stack = FiberStack::map(self.stack_size)?;
        self.metrics.mapped(self.stack_size);
        Ok(stack)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.metrics.unmapped(self.stack_size * self.idle.get_mut().len());
    }
}
