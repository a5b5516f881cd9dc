use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{Json, Outcome, Ran, Run, StopToken, TaskError, TaskLog};
use rhai_dispatcher_engine::{CallTime, FunctionCall, LanePlace, NativeBody, RhaiHandler};

use crate::layers::{Handoff, Layered, MethodCall, Passed};

/// A call of a script's method, with layers around it. The layers run as one future; when they pass the call on, the
/// script runs beside them, and its result goes back to them.
pub(crate) struct LayeredScript {
    rhai: RhaiHandler,
    /// What the layers make of the call.
    layers: NativeBody,
    handoff: Handoff,
    stage: Stage,
    /// Stops the layers while no script runs; a running script is stopped by its own.
    stop: StopToken,
    /// Limits the layers likewise.
    time: CallTime,
    log: TaskLog,
}

enum Stage {
    /// The layers have not passed the call on.
    Waits { run: Box<Run>, call: FunctionCall, place: LanePlace },
    /// The script runs.
    Runs { script: LocalBoxFuture<'static, Ran>, answer: oneshot::Sender<Result<Json, TaskError>> },
    /// The script has ended, and the layers make something of its result.
    Ended { _place: LanePlace },
    /// The call is over, or is being passed from one stage to the next.
    Over,
}

impl LayeredScript {
    pub(crate) fn new(
        rhai: &RhaiHandler,
        layered: &Arc<Layered>,
        run: Run,
        method_call: MethodCall,
        call: FunctionCall,
    ) -> Self {
        let handoff = Handoff::default();
        let (layered, method_call) = (Arc::clone(layered), method_call.with_handoff(&handoff));
        Self {
            rhai: rhai.clone(),
            layers: rhai.native_body(&run, Box::pin(async move { layered.call(method_call).await })),
            handoff,
            stop: run.stop.clone(),
            time: rhai.call_time(&run),
            stage: Stage::Waits { run: Box::new(run), call, place: rhai.place() },
            log: TaskLog::new(),
        }
    }

    /// Moves the script on.
    fn poll_script(&mut self, cx: &mut Context<'_>) -> Next {
        if let Stage::Waits { .. } = &self.stage {
            let Poll::Ready(Passed { params, answer }) = self.handoff.poll_passed(cx) else {
                return Next::Waits;
            };
            if let Stage::Waits { run, call, place } = std::mem::replace(&mut self.stage, Stage::Over) {
                drop(place); // the script has its own
                let script = self.rhai.call_function(*run, FunctionCall { params, ..call });
                self.stage = Stage::Runs { script, answer };
            }
        }
        let Stage::Runs { script, .. } = &mut self.stage else { return Next::Waits };
        let Poll::Ready(ran) = script.poll_unpin(cx) else { return Next::Waits };
        let (result, log) = match ran {
            Ran::Finished(Outcome::Completed(output), log) => (Ok(output.as_json().clone()), log),
            Ran::Finished(Outcome::Error(error), log) => (Err(error), log),
            stopped => return Next::Ended(stopped),
        };
        self.log = log;
        let ended = Stage::Ended { _place: self.rhai.place() };
        if let Stage::Runs { answer, .. } = std::mem::replace(&mut self.stage, ended) {
            let _ = answer.send(result); // an error if a layer has dropped the call
        }
        Next::Layers
    }

    /// Whether the layers have to end while no script runs, and how.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<Ran> {
        if matches!(self.stage, Stage::Runs { .. }) {
            return Poll::Pending;
        }
        if self.stop.poll_stopped(cx).is_ready() {
            return Poll::Ready(Ran::Stopped(std::mem::take(&mut self.log)));
        }
        let over = self.time.poll_over(cx);
        over.map(|error| Ran::Finished(Outcome::Error(error), std::mem::take(&mut self.log)))
    }
}

/// What follows a step of the script.
enum Next {
    /// The layers have its result.
    Layers,
    /// It waits.
    Waits,
    /// The task has ended.
    Ended(Ran),
}

impl Future for LayeredScript {
    type Output = Ran;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ran> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(ended) = this.layers.poll_unpin(cx) {
                let outcome = match ended {
                    Ok(json) => Outcome::Completed(json.into()),
                    Err(error) => Outcome::Error(error),
                };
                // A script that still runs ends here: its layers want its result no more.
                this.stage = Stage::Over;
                return Poll::Ready(Ran::Finished(outcome, std::mem::take(&mut this.log)));
            }
            match this.poll_script(cx) {
                Next::Layers => {}
                Next::Waits => return this.poll_limits(cx),
                Next::Ended(ran) => return Poll::Ready(ran),
            }
        }
    }
}

impl fmt::Debug for LayeredScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayeredScript").field("handoff", &self.handoff).finish_non_exhaustive()
    }
}
