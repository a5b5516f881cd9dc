use std::num::NonZeroUsize;
use std::task::{Context, Poll};

use futures::future::{self, LocalBoxFuture};
use rhai_dispatcher_core::{Handler, Outcome, Payload, Ran, Run, TaskLog};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};

use crate::handlers::{Handlers, Target};
use crate::layered_script::LayeredScript;
use crate::layers::MethodCall;

/// Runs the scripts and the calls of one lane of a worker.
///
/// A script runs as with a [`RhaiHandler`] alone. All that a lane runs counts towards the same limits.
#[derive(Debug)]
pub struct CallHandler {
    rhai: RhaiHandler,
    handlers: Handlers,
}

impl CallHandler {
    /// A handler for the lane of this thread.
    #[must_use]
    pub fn new(engine: &EngineConfig, handlers: Handlers) -> Self {
        Self { rhai: RhaiHandler::new(engine), handlers }
    }
}

impl Handler for CallHandler {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        self.rhai.poll_ready(cx)
    }

    fn computing(&self) -> usize {
        self.rhai.computing()
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        let Payload::Call { method } = &run.claimed.task.payload else { return self.rhai.handle(run) };
        match self.handlers.find(method, &run.claimed.task) {
            Ok(Target::Native(handler)) => {
                let call = MethodCall::of(method, &run);
                self.rhai.run_native(run, Box::pin(handler.call(call)))
            }
            Ok(Target::Script(found)) => {
                let method_call = MethodCall::of(method, &run);
                let call = found.into_call(method_call.params.clone());
                match self.handlers.layers_of_scripts() {
                    None => self.rhai.call_function(run, call),
                    Some(layered) => {
                        Box::pin(LayeredScript::new(&self.rhai, layered, run, method_call, call))
                    }
                }
            }
            Err(error) => Box::pin(future::ready(Ran::Finished(Outcome::Error(error), TaskLog::new()))),
        }
    }
}
