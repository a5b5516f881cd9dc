use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{Handler, Ran, Run};

use crate::EngineConfig;
use crate::lane::{LaneResources, ScriptFuture};

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
    /// What is left of a script that has ended is its result and its log, until they are dropped; and
    /// values that refer to each other in a circle, which are never freed.
    #[must_use]
    pub fn memory_accounts(&self) -> usize {
        self.lane.accounts().load(Ordering::Acquire)
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
        Box::pin(ScriptFuture::new(&self.lane, run))
    }
}
