use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use rhai::{Dynamic, EvalAltResult};
use rhai_dispatcher_core::Tick;

use super::call_end::CallEnd;
use super::call_future::CallFuture;
use crate::metrics::CallStatus;

/// One request of a task.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) started: Started,
    pub(super) state: RequestState,
}

/// What is known of a request from its start.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    /// The number of the call within its task.
    pub(crate) number: u64,
    /// What was called.
    pub(crate) function: Arc<str>,
    /// How long it may take.
    pub(crate) timeout: Duration,
}

/// How far a request is.
#[derive(Debug)]
pub(crate) enum RequestState {
    /// It is under way.
    Pending(Rc<UnderWay>),
    /// It ended at that time, and its result waits to be fetched.
    Ended(CallEnd, Tick),
    /// Its result was fetched; this is how it ended.
    Fetched(CallStatus),
}

/// A call that is under way: what its request and the future that polls it share.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// `None` once it has ended or was cancelled.
    pub(crate) call: RefCell<Option<CallFuture>>,
    /// Wakes the future that polls it.
    pub(crate) waker: RefCell<Option<Waker>>,
}

impl UnderWay {
    pub(crate) fn new(call: CallFuture) -> Self {
        Self { call: RefCell::new(Some(call)), waker: RefCell::default() }
    }
}

impl RequestState {
    pub(crate) const fn is_pending(&self) -> bool {
        matches!(self, Self::Pending(_))
    }

    pub(crate) const fn has_completed(&self) -> bool {
        matches!(self, Self::Ended(CallEnd::Completed(_), _) | Self::Fetched(CallStatus::Completed))
    }

    /// The status, as scripts see it.
    pub(crate) const fn status(&self) -> &'static str {
        match self {
            Self::Pending(_) => "pending",
            Self::Ended(end, _) => end.status().as_str(),
            Self::Fetched(status) => status.as_str(),
        }
    }
}

impl Started {
    /// The value, or the error that the script gets.
    pub(crate) fn result(&self, end: CallEnd) -> Result<Dynamic, Box<EvalAltResult>> {
        end.into_result(&self.function, self.timeout)
    }
}
