use std::collections::VecDeque;
use std::task::{Poll, Waker};

use super::Signal;

/// The signals of one instance that its worker has not read yet, for implementations of
/// [`Consumer::signals`](super::Consumer::signals).
///
/// It stands behind a lock of the transport, and no waker may be called while a lock is held. So
/// [`push`](Self::push) and [`end`](Self::end) return the waker of the reader, for the caller to wake once it has
/// released its locks. Only one reader is kept: the one that polled last.
///
/// A transport pushes at most two signals for each claim, a cancel and its loss, and a worker reads them all the time.
/// Questions may be more: [`MAX_INQUIRIES`](Self::MAX_INQUIRIES) wait at most, and further ones are dropped.
#[derive(Debug, Default)]
pub struct SignalQueue {
    signals: VecDeque<Signal>,
    /// How many of them are questions.
    inquiries: usize,
    /// The waker of the reader, while it waits.
    reader: Option<Waker>,
    has_ended: bool,
}

impl SignalQueue {
    /// How many questions wait at most. Their callers get no answer beyond that, and time out.
    pub const MAX_INQUIRIES: usize = 1_024;

    /// Adds a signal. Returns the waker of a reader that waits.
    #[must_use = "the reader waits until this waker is woken"]
    pub fn push(&mut self, signal: Signal) -> Option<Waker> {
        if matches!(signal, Signal::Inspect(_)) {
            if self.inquiries >= Self::MAX_INQUIRIES {
                return None;
            }
            self.inquiries += 1;
        }
        self.signals.push_back(signal);
        self.reader.take()
    }

    /// Ends the queue: the reader gets the signals that are left, and then the end of its stream. Returns the waker of
    /// a reader that waits.
    #[must_use = "the reader waits until this waker is woken"]
    pub fn end(&mut self) -> Option<Waker> {
        self.has_ended = true;
        self.reader.take()
    }

    /// The next signal, or `None` at the end. If there is neither yet, it keeps a clone of `waker`.
    pub fn poll_next(&mut self, waker: &Waker) -> Poll<Option<Signal>> {
        if let Some(signal) = self.signals.pop_front() {
            self.inquiries -= usize::from(matches!(signal, Signal::Inspect(_)));
            return Poll::Ready(Some(signal));
        }
        if self.has_ended {
            return Poll::Ready(None);
        }
        match &mut self.reader {
            Some(reader) => reader.clone_from(waker),
            None => self.reader = Some(waker.clone()),
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::task::{ArcWake, noop_waker_ref, waker};

    use super::*;
    use crate::{Claim, Inquiry, InstanceId, TaskId, Uuid};

    fn lost() -> Signal {
        Signal::Lost(Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 1 })
    }

    /// A reader that counts how often it was woken.
    #[derive(Default)]
    struct Reader(AtomicUsize);

    impl ArcWake for Reader {
        fn wake_by_ref(reader: &Arc<Self>) {
            reader.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn signals_are_read_in_their_order() {
        let mut queue = SignalQueue::default();
        let signals = [lost(), lost(), lost()];
        for signal in signals {
            assert!(queue.push(signal).is_none(), "no reader waits");
        }
        for signal in signals {
            assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Ready(Some(signal)));
        }
        assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Pending);
    }

    #[test]
    fn questions_are_bounded_and_displace_nothing() {
        let mut queue = SignalQueue::default();
        let claim = Claim { task: TaskId::new(), instance: InstanceId::new(), delivery: 1 };
        let inspect = |number| Signal::Inspect(Inquiry { claim, asker: Uuid::nil(), number });
        for number in 0..2 * SignalQueue::MAX_INQUIRIES as u64 {
            assert!(queue.push(inspect(number)).is_none());
        }
        let last = lost();
        assert!(queue.push(last).is_none());
        for number in 0..SignalQueue::MAX_INQUIRIES as u64 {
            assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Ready(Some(inspect(number))));
        }
        assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Ready(Some(last)));
        assert!(queue.push(inspect(0)).is_none());
        assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Ready(Some(inspect(0))));
    }

    #[test]
    fn reader_that_waits_is_returned_once_and_not_woken_under_the_lock() {
        let mut queue = SignalQueue::default();
        let reader = Arc::new(Reader::default());
        assert_eq!(queue.poll_next(&waker(Arc::clone(&reader))), Poll::Pending);
        let woken = queue.push(lost()).expect("the reader waits");
        assert!(queue.push(lost()).is_none(), "it was returned already");
        assert_eq!(reader.0.load(Ordering::Relaxed), 0, "the caller wakes it");
        woken.wake();
        assert_eq!(reader.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn only_the_reader_that_polled_last_is_returned() {
        let mut queue = SignalQueue::default();
        let readers = [Arc::new(Reader::default()), Arc::new(Reader::default())];
        for reader in &readers {
            assert_eq!(queue.poll_next(&waker(Arc::clone(reader))), Poll::Pending);
        }
        queue.push(lost()).expect("a reader waits").wake();
        assert_eq!(readers.map(|reader| reader.0.load(Ordering::Relaxed)), [0, 1]);
    }

    #[test]
    fn what_is_left_at_the_end_is_read_before_it() {
        let mut queue = SignalQueue::default();
        assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Pending);
        assert!(queue.end().is_some(), "a reader that waits learns of the end");
        let last = lost();
        assert!(queue.push(last).is_none());
        assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Ready(Some(last)));
        assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Ready(None));
        assert_eq!(queue.poll_next(noop_waker_ref()), Poll::Ready(None), "the end stays");
    }
}
