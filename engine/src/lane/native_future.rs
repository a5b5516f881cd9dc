use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{Json, Outcome, Ran, Run, TaskError, TaskLog};

use super::admission::Admitted;
use super::call_time::CallTime;
use super::lane_resources::LaneResources;
use super::native_body::NativeBody;

/// A task that Rust code runs, beside the scripts of a lane: it is counted, stopped and limited as they are.
pub(crate) struct NativeFuture {
    /// `None` once it has ended.
    body: Option<NativeBody>,
    run: Run,
    /// Only one that lasts needs its timer.
    time: CallTime,
    lane: Rc<LaneResources>,
    admitted: Admitted,
}

impl NativeFuture {
    pub(crate) fn new(
        lane: &Rc<LaneResources>,
        run: Run,
        body: LocalBoxFuture<'static, Result<Json, TaskError>>,
    ) -> Self {
        let config = lane.config_for(&run.claimed.task);
        let body = Some(NativeBody::new(&config, body));
        Self {
            body,
            time: CallTime::new(&run.clock, config.limits.max_wall_time),
            run,
            admitted: Admitted::new(lane.admission()),
            lane: Rc::clone(lane),
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Json, TaskError>> {
        let Some(body) = &mut self.body else { return Poll::Pending };
        body.poll_unpin(cx)
    }
}

impl Future for NativeFuture {
    type Output = Ran;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ran> {
        let this = &mut *self;
        if this.run.stop.poll_stopped(cx).is_ready() {
            this.body = None;
            this.admitted.ended();
            return Poll::Ready(Ran::Stopped(TaskLog::new()));
        }
        this.admitted.running();
        let began = this.run.clock.now();
        let mut ended = this.poll_body(cx);
        this.lane.admission().note_slice(this.run.clock.now() - began);
        if ended.is_pending() {
            this.admitted.waiting();
            ended = this.time.poll_over(cx).map(Err);
        }
        ended.map(|ended| {
            this.body = None;
            this.admitted.ended();
            let outcome = match ended {
                Ok(json) => Outcome::Completed(json.into()),
                Err(error) => Outcome::Error(error),
            };
            Ran::Finished(outcome, TaskLog::new())
        })
    }
}

impl fmt::Debug for NativeFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeFuture").field("body", &self.body).finish_non_exhaustive()
    }
}
