use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Json, Limits, MethodName, Priority, RetryPolicy, TaskId, TraceContext, WorkerId};

/// One script to run or method to call, and everything that an instance needs to know for it.
///
/// A `Task` is what is submitted and never changes; what happens to it is in its
/// [`TaskDetails`](crate::TaskDetails).
///
/// Its times are durations. They count from the moment at which the transport accepts the task, by the
/// transport's clock: what the submitter's clock says decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its name.
    pub id: TaskId,
    /// The queue it waits in.
    pub worker_id: WorkerId,
    /// What to run.
    pub payload: Payload,
    /// What the payload is run with; null, or a JSON object. The parameters of a call may be any JSON value: an array
    /// has them by position, an object by name.
    pub args: Json,
    /// The caller.
    pub caller_id: Arc<str>,
    /// The context that the caller named, such as its user.
    pub context_id: Option<Arc<str>>,
    /// Makes a repeated request join the first one, per caller and worker id.
    pub request_id: Option<Arc<str>>,
    /// How soon it is claimed beside others.
    pub priority: Priority,
    /// How long it waits before it may be claimed. Zero: it may be claimed at once.
    pub delay: Duration,
    /// How long it may wait to be started.
    pub expires_in: Option<Duration>,
    /// How long it may take in all: then it is stopped, also while it runs.
    pub deadline_in: Option<Duration>,
    /// Whether and when it is tried again after an error.
    pub retry: RetryPolicy,
    /// Whether the submitter is going to wait for the outcome, so that a transport between
    /// processes sends it without being asked again.
    pub awaited: bool,
    /// The task that dispatched this one.
    pub parent: Option<TaskId>,
    /// How many tasks are above it: its parent, the parent of that, and so on.
    pub depth: u32,
    /// Its limits that are lower than its worker's, if there are any.
    pub limits: Option<Arc<Limits>>,
    /// The trace of its caller, if it has one.
    pub trace: Option<Arc<TraceContext>>,
}

impl Task {
    /// A task with nothing but its payload set.
    pub fn new(worker_id: WorkerId, payload: Payload, caller_id: impl Into<Arc<str>>) -> Self {
        Self {
            id: TaskId::new(),
            worker_id,
            payload,
            args: Json::null(),
            caller_id: caller_id.into(),
            context_id: None,
            request_id: None,
            priority: Priority::Normal,
            delay: Duration::ZERO,
            expires_in: None,
            deadline_in: None,
            retry: RetryPolicy::never(),
            awaited: false,
            parent: None,
            depth: 0,
            limits: None,
            trace: None,
        }
    }

    /// How long after its acceptance it may still be started: until it expires, or until its deadline.
    #[must_use]
    pub fn starts_within(&self) -> Option<Duration> {
        match (self.expires_in, self.deadline_in) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Stops it after `time` unless it is to be stopped earlier.
    pub fn ends_within(&mut self, time: Duration) {
        self.deadline_in = Some(self.deadline_in.map_or(time, |earlier| earlier.min(time)));
    }

    /// Whether both ask for the same work: the same payload, args and limits. The trace does not matter.
    #[must_use]
    pub fn asks_the_same_as(&self, other: &Self) -> bool {
        self.payload == other.payload && self.args == other.args && self.limits == other.limits
    }
}

/// What a task runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Payload {
    /// A Rhai script.
    Script {
        /// Its text.
        source: Arc<str>,
        /// What to call it in messages, such as the path it was read from.
        name: Option<Arc<str>>,
    },
    /// A call of a method that the worker has. The parameters are the task's `args`.
    Call {
        /// The method.
        method: MethodName,
    },
}

impl Payload {
    /// A script without a name.
    pub fn script(source: impl Into<Arc<str>>) -> Self {
        Self::Script { source: source.into(), name: None }
    }

    /// The text of the script, if it is one.
    #[must_use]
    pub fn source(&self) -> Option<&Arc<str>> {
        match self {
            Self::Script { source, .. } => Some(source),
            Self::Call { .. } => None,
        }
    }

    /// The name of the script, if it is one and has a name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.shared_name().map(|name| &**name)
    }

    pub(crate) fn shared_name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Script { name, .. } => name.as_ref(),
            Self::Call { .. } => None,
        }
    }

    /// The method, if it is a call.
    #[must_use]
    pub fn method(&self) -> Option<&MethodName> {
        match self {
            Self::Script { .. } => None,
            Self::Call { method } => Some(method),
        }
    }

    /// What to call it in messages: the name of the script, if it has one, or the method.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::Script { name, .. } => name.as_deref(),
            Self::Call { method } => Some(method.as_str()),
        }
    }

    /// The bytes of its text: those of the script, or of the method's name.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Script { source, .. } => source.len(),
            Self::Call { method } => method.as_str().len(),
        }
    }
}
