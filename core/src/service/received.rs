use std::fmt;
use std::sync::Arc;

use super::call_error::CallError;
use super::signature::Signature;
use super::slot::Slot;
use crate::Tick;

/// A request that a worker has begun, with the handle to reply to it.
pub struct Received<S: Signature> {
    /// What the caller sent.
    pub request: S::Request,
    /// Takes the answer. If it is dropped without one, the call ends in [`CallError::NoReply`].
    pub reply: Reply<S>,
}

/// Replies to one request.
pub struct Reply<S: Signature> {
    /// Gone once it was used.
    slot: Option<Arc<Slot<S>>>,
}

impl<S: Signature> Received<S> {
    pub(super) const fn new(request: S::Request, slot: Arc<Slot<S>>) -> Self {
        Self { request, reply: Reply { slot: Some(slot) } }
    }
}

impl<S: Signature> Reply<S> {
    /// Replies, and wakes the caller. `false` if the caller gave up, and gets no reply.
    pub fn send(mut self, result: Result<S::Response, S::Error>) -> bool {
        self.slot.take().is_some_and(|slot| slot.answer(result.map_err(CallError::Service)))
    }

    /// Whether the caller gave up, so that no reply is needed.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.is_over())
    }

    /// Start count of the request, 1-based. It is above 1 only over a transport, after the death of a process that had
    /// begun the request.
    #[must_use]
    pub fn delivery(&self) -> u32 {
        self.slot.as_ref().map_or(1, |slot| slot.delivery())
    }

    /// When the call's timeout is over, by the service's clock; for calls that the worker makes in turn, with
    /// [`Call::deadline`](crate::Call::deadline).
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        self.slot.as_ref().and_then(|slot| slot.deadline())
    }
}

impl<S: Signature> Drop for Reply<S> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.answer(Err(CallError::NoReply));
        }
    }
}

impl<S: Signature<Request: fmt::Debug>> fmt::Debug for Received<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("request", &self.request).field("reply", &self.reply).finish()
    }
}

impl<S: Signature> fmt::Debug for Reply<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (deadline, abandoned) = (self.deadline(), self.is_abandoned());
        f.debug_struct("Reply").field("deadline", &deadline).field("abandoned", &abandoned).finish()
    }
}
