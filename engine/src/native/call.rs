use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{TaskId, Tick};

use super::task_context::TaskContext;
use crate::script::ScriptRun;

/// One call of an asynchronous function, for a function that wants to know it: name it among the
/// parameters, at any place.
///
/// ```
/// use rhai_dispatcher_engine::{Call, EngineConfig};
///
/// let config = EngineConfig::new().with_async_fn("charge", |call: Call, cents: i64| async move {
///     let key = call.idempotency_key();
///     # let _ = (key, cents);
///     // … sends it along …
///     Ok::<_, String>("paid")
/// });
/// ```
#[derive(Clone)]
pub struct Call {
    task: TaskContext,
    function: Arc<str>,
    number: u64,
    timeout: Duration,
    started: Tick,
}

impl Call {
    /// The next call of `run`, to a function that may take `timeout`.
    pub(super) fn new(run: &Rc<ScriptRun>, function: Arc<str>, timeout: Duration) -> Self {
        Self {
            task: TaskContext::new(Rc::clone(run)),
            function,
            number: run.next_call(),
            timeout,
            started: run.clock().now(),
        }
    }

    /// The task that calls.
    #[must_use]
    pub fn task(&self) -> &TaskContext {
        &self.task
    }

    /// The id of the task that calls.
    #[must_use]
    pub fn task_id(&self) -> TaskId {
        self.task.id()
    }

    /// The name that the function is registered under, without `_async`.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Which of the task's calls to asynchronous functions this is, from 1. A task that runs again
    /// counts from 1 again, so as long as its script makes the same calls in the same order, each
    /// has the same number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The task's id and the call's number, `<task id>-<number>`: the same for the same call of a
    /// task that runs again, and different for any other. It is also the request's id, if this is
    /// one.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        format!("{}-{}", self.task_id(), self.number)
    }

    /// How long the call may take, its wait for a free slot included.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When the call is given up, by the task's clock.
    #[must_use]
    pub fn deadline(&self) -> Tick {
        self.started + self.timeout
    }

    pub(super) fn started(&self) -> Tick {
        self.started
    }

    /// The time that is left until [`deadline`](Self::deadline).
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline() - self.task.clock().now()
    }

    /// Is ready after `duration`. Dropping it cancels the wait.
    pub async fn sleep(&self, duration: Duration) {
        let clock = self.task.clock();
        clock.sleep_until(clock.now() + duration).await;
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("task", &self.task_id())
            .field("function", &self.function)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
