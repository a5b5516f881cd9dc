use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::LocalBoxFuture;

use super::{EventSink, RunProbe, StopToken};
use crate::{Claimed, Clock, Outcome, TaskLog, Tick, TraceContext};

/// Runs tasks on one lane. It lives on the lane's thread, so nothing of it has to be `Send`.
pub trait Handler {
    /// How many tasks it can *run* now. While it is pending the lane begins nothing; it must then
    /// wake the context when it has capacity again.
    ///
    /// A worker claims as many tasks as its lanes can run together. A lane begins them one by one, and asks
    /// before each.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize>;

    /// How many of its tasks compute: they want the thread, and wait for nothing else. Of the lanes of a
    /// worker the one where the fewest compute begins the next task. Default: 0, which makes all alike.
    fn computing(&self) -> usize {
        0
    }

    /// Runs one task. The future is polled on the lane's thread and must not block it. If it
    /// panics, the task ends in an error of kind `panic`.
    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran>;
}

/// One task to run.
#[derive(Debug)]
pub struct Run {
    /// The task, and the delivery that this run is.
    pub claimed: Claimed,
    /// Fires when the run has to end. At the deadline the lane fires it; a handler that keeps the
    /// thread busy compares the time with [`deadline`](Self::deadline) by itself.
    pub stop: StopToken,
    /// When the task has to be over, by `clock`.
    pub deadline: Option<Tick>,
    /// The transport's clock.
    pub clock: Arc<dyn Clock>,
    /// Takes what the run tells while it lasts.
    pub events: EventSink,
    /// The trace context of what the run sends: of its children, and of requests to other systems.
    pub trace: Option<Arc<TraceContext>>,
}

impl Run {
    /// Where it notes what it does, for callers that ask.
    #[must_use]
    pub fn probe(&self) -> &RunProbe {
        self.stop.probe()
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// By itself, with what it printed.
    Finished(Outcome, TaskLog),
    /// Because its [`StopToken`] fired.
    Stopped(TaskLog),
}
