use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;

use super::RunState;
use crate::lock;

/// The questions of one place for answers that have no answer yet, for implementations of
/// [`Transport::inspect`](crate::Transport::inspect).
///
/// It holds one entry for each [`PendingInquiry`], and so is bounded by the calls that wait.
#[derive(Debug, Default)]
pub struct Inquiries(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    /// The number that was given last.
    last: u64,
    callers: HashMap<u64, oneshot::Sender<Option<RunState>>>,
}

/// A question that waits for its answer: the state of the run, or `None` if the instance does not have it. Dropping it
/// ends the wait.
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct PendingInquiry {
    inquiries: Arc<Inquiries>,
    number: u64,
    answer: oneshot::Receiver<Option<RunState>>,
}

impl Inquiries {
    /// Begins a question.
    pub fn begin(self: &Arc<Self>) -> PendingInquiry {
        let (caller, answer) = oneshot::channel();
        let mut pending = lock(&self.0);
        pending.last += 1;
        let number = pending.last;
        pending.callers.insert(number, caller);
        drop(pending);
        PendingInquiry { inquiries: Arc::clone(self), number, answer }
    }

    /// Answers the question of that number. Without an effect if it was answered, or its caller has gone.
    pub fn answer(&self, number: u64, state: Option<RunState>) {
        let caller = lock(&self.0).callers.remove(&number);
        if let Some(caller) = caller {
            let _ = caller.send(state); // it may be going just now
        }
    }

    /// Whether no question waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.0).callers.is_empty()
    }
}

impl PendingInquiry {
    /// The number of the question.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

impl Future for PendingInquiry {
    type Output = Option<RunState>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.poll_unpin(cx).map(|answer| answer.ok().flatten())
    }
}

impl Drop for PendingInquiry {
    fn drop(&mut self) {
        let caller = lock(&self.inquiries.0).callers.remove(&self.number);
        drop(caller); // not under the lock: it may wake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_is_answered_once_and_leaves_nothing() {
        let inquiries = Arc::<Inquiries>::default();
        let (first, mut second) = (inquiries.begin(), inquiries.begin());
        assert_ne!(first.number(), second.number());
        let gone = first.number();
        drop(first);
        inquiries.answer(gone, None);
        assert_eq!((&mut second).now_or_never(), None);
        inquiries.answer(second.number(), None);
        inquiries.answer(second.number(), None);
        assert_eq!((&mut second).now_or_never(), Some(None));
        assert!(inquiries.is_empty());
    }
}
