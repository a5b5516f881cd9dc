use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures::future::{self, Either, FutureExt, LocalBoxFuture};

use super::METHOD;
use super::envelope::Envelope;
use super::wire_signature::WireSignature;
use crate::service::call_error::{CallError, NotSent};
use crate::service::caller::Caller;
use crate::service::remote::Route;
use crate::service::reservation::Reservation;
use crate::service::slot::Answer;
use crate::{
    Handler, Json, Outcome, Ran, Run, RunningWorker, Stop, Task, TaskError, TaskErrorKind, TaskLog,
    Transport, Worker, WorkerConfig, WorkerError, WorkerId,
};

/// Passes the requests of a worker id to a service: the handler of a [`Worker`]. [`Caller::serve`] starts such a worker.
///
/// It takes requests while the service's backlog has room. When all workers of the service have ended, it takes no
/// more, and releases those that no worker has begun, so that other instances serve them.
pub struct ServiceHandler<S: WireSignature> {
    caller: Caller<S>,
    envelope: Envelope,
    running: Rc<Running>,
    /// Its wait for room in the backlog.
    room: RefCell<Option<Reservation<S>>>,
}

/// The requests that a handler runs.
#[derive(Debug)]
struct Running {
    count: Cell<usize>,
    /// Wakes the lane when one has ended.
    lane: RefCell<Option<Waker>>,
}

/// How many requests a handler runs at most: as many as a Rhai worker by default.
const MAX_RUNNING: usize = 10_000;

/// One of them.
struct Place(Rc<Running>);

impl<S: WireSignature> Caller<S> {
    /// Serves a worker id by this service, for callers that were made by [`remote`](Self::remote) of a dispatcher on the
    /// same transport. Several processes may serve one worker id.
    ///
    /// It serves until [`drain`](RunningWorker::drain), or until the answer is dropped. The service's worker has to be
    /// driven meanwhile: this only passes requests to it.
    ///
    /// # Errors
    /// [`WorkerError::Transport`] if the transport does not take the instance, and [`WorkerError::Thread`].
    pub async fn serve(
        &self,
        transport: Arc<dyn Transport>,
        worker_id: WorkerId,
    ) -> Result<RunningWorker, WorkerError>
    where
        S::Request: Send,
    {
        // A lane only decodes, encodes and passes on.
        let config = WorkerConfig::default().with_lanes(NonZeroUsize::MIN);
        let caller = self.clone();
        let handler = move || ServiceHandler::new(caller.clone());
        Worker::new(transport, worker_id).with_config(config).start(handler).await
    }
}

impl<S: WireSignature> ServiceHandler<S> {
    /// A handler that passes requests to the caller's service.
    #[must_use]
    pub fn new(caller: Caller<S>) -> Self {
        let running = Rc::new(Running { count: Cell::new(0), lane: RefCell::new(None) });
        Self { caller, envelope: Envelope::of::<S>(), running, room: RefCell::new(None) }
    }

    /// How many requests the service can take now.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let Route::Local(channel) = &self.caller.route else { return Poll::Ready(usize::MAX) };
        let mut reservation = self.room.borrow_mut();
        if let Some(waiting) = &*reservation {
            ready!(waiting.poll_granted(cx));
            // The place is not kept: it may be long until there is a task for it.
            *reservation = None;
        }
        match channel.room() {
            None => Poll::Pending, // permanently
            Some(0) => {
                let waiting = Reservation::new(channel, cx.waker());
                let decided = waiting.poll_granted(cx);
                if decided.is_pending() {
                    *reservation = Some(waiting);
                }
                decided.map(usize::from) // at once if there is room since
            }
            Some(room) => Poll::Ready(room),
        }
    }

    fn request(&self, task: &Task) -> Result<S::Request, TaskError> {
        if task.payload.method().is_none_or(|method| method.as_str() != METHOD) {
            let message =
                format!("this worker id is served by a typed service, which has the method {METHOD} only");
            return Err(TaskError::new(TaskErrorKind::UnknownMethod, message));
        }
        self.envelope
            .decode("request", &task.args)
            .map_err(|error| TaskError::new(TaskErrorKind::BadParams, error.to_string()))
    }
}

impl<S: WireSignature> Handler for ServiceHandler<S> {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        let room = ready!(self.poll_room(cx)).min(MAX_RUNNING.saturating_sub(self.running.count.get()));
        let room = NonZeroUsize::new(room);
        if room.is_none() {
            self.running.lane.replace(Some(cx.waker().clone()));
        }
        room.map_or(Poll::Pending, Poll::Ready)
    }

    fn handle(&self, run: Run) -> LocalBoxFuture<'static, Ran> {
        let request = match self.request(&run.claimed.task) {
            Ok(request) => request,
            Err(error) => {
                return future::ready(Ran::Finished(Outcome::Error(error), TaskLog::new())).boxed_local();
            }
        };
        let (caller, envelope) = (self.caller.clone(), self.envelope);
        let place = Place::new(&self.running);
        Box::pin(async move {
            let _place = place;
            let call = caller.send_request(request).delivery(run.claimed.claim.delivery);
            let call = match run.deadline {
                Some(deadline) => call.timeout(deadline - run.clock.now()),
                None => call.without_timeout(),
            };
            let stopped = poll_fn(|cx| run.stop.poll_stopped(cx));
            let answer = match future::select(call, stopped).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => return Ran::Stopped(TaskLog::new()),
            };
            match answer {
                // The run is stopped at the same moment, by the transport's clock.
                Err(CallError::NotSent(NotSent::DeadlineOver) | CallError::TimedOut)
                    if run.deadline.is_some() =>
                {
                    poll_fn(|cx| run.stop.poll_stopped(cx)).await;
                    Ran::Stopped(TaskLog::new())
                }
                Err(CallError::WorkerGone) => {
                    tracing::error!(
                        "the worker of a service has ended; its worker id is not served here any more"
                    );
                    run.stop.stop(Stop::Drained);
                    Ran::Stopped(TaskLog::new())
                }
                answer => Ran::Finished(outcome::<S>(answer, envelope), TaskLog::new()),
            }
        })
    }
}

/// The end of a request's task.
fn outcome<S: WireSignature>(answer: Answer<S>, envelope: Envelope) -> Outcome {
    let encoded = match &answer {
        Ok(response) => envelope.encode(response),
        Err(CallError::Service(error)) => envelope.encode(error),
        Err(CallError::Remote(error)) => return failed(TaskErrorKind::Runtime, error),
        // Of a service that this one passes requests on to, over another transport.
        Err(CallError::NotSent(why)) => {
            return failed(TaskErrorKind::Runtime, CallError::<Infallible>::NotSent(*why));
        }
        Err(CallError::TimedOut) => return failed(TaskErrorKind::Runtime, CallError::<Infallible>::TimedOut),
        Err(_) => return failed(TaskErrorKind::Panic, CallError::<Infallible>::NoReply),
    };
    // Base64 has no character that JSON escapes.
    let json = encoded.map(|text| Json::of_written(format!("\"{text}\"")));
    match (answer, json) {
        (Ok(_), Ok(json)) => Outcome::Completed(json.into()),
        (Err(_), Ok(json)) => {
            let message = "the service answered with an error; its value is in `value`";
            Outcome::Error(TaskError::new(TaskErrorKind::Runtime, message).with_value(Some(json)))
        }
        (_, Err(error)) => {
            failed(TaskErrorKind::Output, format!("the answer has no form in postcard's format: {error}"))
        }
    }
}

fn failed(kind: TaskErrorKind, message: impl fmt::Display) -> Outcome {
    Outcome::Error(TaskError::new(kind, message.to_string()))
}

impl Place {
    fn new(running: &Rc<Running>) -> Self {
        running.count.update(|count| count + 1);
        Self(Rc::clone(running))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.update(|count| count - 1);
        if let Some(lane) = self.0.lane.take() {
            lane.wake();
        }
    }
}

impl<S: WireSignature> fmt::Debug for ServiceHandler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHandler")
            .field("caller", &self.caller)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}
