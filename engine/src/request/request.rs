use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use rhai::{Dynamic, EvalAltResult, Map, Position};
use rhai_dispatcher_core::Tick;

use crate::call::{CallFuture, caught, throw, timed_out};

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

/// One request of a task.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) started: Started,
    pub(super) state: State,
}

/// How far a request is.
#[derive(Debug)]
pub(super) enum State {
    /// It is under way.
    Pending(Rc<UnderWay>),
    /// It ended at that time, and its result waits to be fetched.
    Ended(Ended, Tick),
    /// Its result was fetched; this is what it was.
    Fetched(&'static str),
}

/// A call that is under way: the part that its request and whoever polls it share.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    /// `None` once it has ended or was cancelled.
    pub(super) call: RefCell<Option<CallFuture>>,
    /// Wakes whoever polls it.
    pub(super) waker: RefCell<Option<Waker>>,
}

/// How a request ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With a value.
    Completed(Dynamic),
    /// With what is thrown.
    Failed(Dynamic),
    /// It took too long.
    TimedOut,
}

/// The properties of a request that has settled.
const OK: &str = "ok";
const ERROR: &str = "error";

impl State {
    /// The status, as scripts see it.
    pub(super) const fn status(&self) -> &'static str {
        match self {
            Self::Pending(_) => "pending",
            Self::Ended(ended, _) => ended.status(),
            Self::Fetched(status) => status,
        }
    }
}

impl Ended {
    /// The status, as scripts see it.
    pub(crate) const fn status(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::TimedOut => "timeout",
        }
    }

    /// The value, or the error that the script gets.
    pub(super) fn into_result(self, started: &Started) -> Result<Dynamic, Box<EvalAltResult>> {
        match self {
            Self::Completed(value) => Ok(value),
            Self::Failed(error) => Err(throw(error)),
            Self::TimedOut => Err(timed_out(&started.function, started.timeout)),
        }
    }

    /// `#{ok: value}`, or `#{error: …}` with what a `catch` would get of a call at `position`.
    pub(super) fn into_settled(self, started: &Started, position: Position) -> Map {
        let (name, value) = match self.into_result(started) {
            Ok(value) => (OK, value),
            Err(error) => match *error {
                EvalAltResult::ErrorRuntime(value, _) => (ERROR, caught(value, position)),
                error => (ERROR, error.to_string().into()),
            },
        };
        std::iter::once((name.into(), value)).collect()
    }

    /// Undoes [`into_settled`](Self::into_settled).
    pub(super) fn from_settled(mut map: Map) -> Self {
        match map.remove(OK) {
            Some(value) => Self::Completed(value),
            None => Self::Failed(map.remove(ERROR).unwrap_or_default()),
        }
    }
}
