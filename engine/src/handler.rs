use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{Handler, Json, Ran, Run, TaskError};

use crate::EngineConfig;
use crate::lane::{CallTime, LanePlace, LaneResources, NativeBody, NativeFuture, ScriptFuture};
use crate::script::FunctionCall;

/// Runs Rhai scripts on fibers, for one lane of a worker.
///
/// It is made on the lane's own thread, since a Rhai engine may not leave its thread. A script
/// that waits holds neither the thread nor a place in the run queue.
///
/// Dropping the future of a script ends the script: it sees its waits stopped, and its
/// destructors run.
#[derive(Debug, Clone)]
pub struct RhaiHandler {
    lane: Rc<LaneResources>,
}

impl RhaiHandler {
    /// A handler with an engine, a script cache and stacks of its own.
    #[must_use]
    pub fn new(config: &EngineConfig) -> Self {
        Self { lane: Rc::new(LaneResources::new(config.clone())) }
    }

    /// How many scripts, those that have ended included, still have memory that a
    /// [`ScriptAllocator`](crate::ScriptAllocator) charged to them. Without one, how many have not ended.
    ///
    /// What is left of a script that has ended is its result and its log, until they are dropped, and what native functions
    /// keep of it. Values that refer to each other in a circle are freed with the others.
    #[must_use]
    pub fn memory_accounts(&self) -> usize {
        self.lane.accounts().load(Ordering::Acquire)
    }

    /// Runs a task by calling a function of a script. All that holds for a
    /// script holds for the call: its limits, its functions, its log and how it is stopped.
    ///
    /// The task ends in an error of kind `bad_params` if the parameters are not those of the function, and of kind
    /// `unknown_method` if the script has no public function of that name.
    #[must_use]
    pub fn call_function(&self, run: Run, call: FunctionCall) -> LocalBoxFuture<'static, Ran> {
        Box::pin(ScriptFuture::new(&self.lane, run, Some(Box::new(call))))
    }

    /// Runs a task by a future, on the lane's thread and beside its scripts. The future must not block. It is polled and
    /// dropped within the runtime of `with_tokio`, if there is one.
    ///
    /// It is dropped when the task is stopped, and when it has run for `max_wall_time`, which is an error of kind
    /// `timeout`. Its panic is an error of kind `panic`; a result longer than `max_output_bytes` is one of kind `limit`.
    #[must_use]
    pub fn run_native(
        &self,
        run: Run,
        body: LocalBoxFuture<'static, Result<Json, TaskError>>,
    ) -> LocalBoxFuture<'static, Ran> {
        Box::pin(NativeFuture::new(&self.lane, run, body))
    }

    /// The same future for what is around the call of a task. It is not counted, stopped or limited to a time; see
    /// [`place`](Self::place) and [`call_time`](Self::call_time). Its result has the task's `max_output_bytes`.
    pub fn native_body(
        &self,
        run: &Run,
        body: LocalBoxFuture<'static, Result<Json, TaskError>>,
    ) -> NativeBody {
        NativeBody::new(&self.lane.config_for(&run.claimed.task), body)
    }

    /// Limits what is around the call of a task to its `max_wall_time`.
    pub fn call_time(&self, run: &Run) -> CallTime {
        CallTime::new(&run.clock, self.lane.config_for(&run.claimed.task).limits.max_wall_time)
    }

    /// Counts a task that waits before or after it runs.
    #[must_use]
    pub fn place(&self) -> LanePlace {
        LanePlace::new(&self.lane)
    }
}

impl Handler for RhaiHandler {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        self.lane.poll_room(cx)
    }

    fn computing(&self) -> usize {
        self.lane.computing()
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        Box::pin(ScriptFuture::new(&self.lane, run, None))
    }
}
