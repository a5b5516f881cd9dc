use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use rhai_dispatcher_core::{LogLevel, Outcome, Output, Ran, Run, Stop, TaskError, TaskErrorKind, Tick};

use super::admission::Admitted;
use super::lane_resources::LaneResources;
use super::run_script::run_script;
use super::run_slot::RunSlotTicket;
use crate::fiber::{Fiber, KEPT, Panicked};
use crate::memory::Account;
use crate::metering::Meter;
use crate::metrics::ScriptStatus;
use crate::native::Requests;
use crate::script::{End, FunctionCall, ScriptRun, panic_error};

/// One script on its fiber, and then what is left of its requests.
///
/// The task ends when its requests have ended: so its log has what became of them, a draining worker
/// waits for them, and if the worker dies before, the task runs again.
#[derive(Debug)]
pub(crate) struct ScriptFuture {
    /// `None` once it has ended, or if there was no stack for it.
    fiber: Option<Fiber<Result<Output, TaskError>>>,
    run: Rc<ScriptRun>,
    /// The outcome of the script, while its requests continue.
    outcome: Option<Outcome>,
    lane: Rc<LaneResources>,
    /// Whether it has been counted as ended.
    counted: bool,
    /// Since when it computes; none while it waits.
    computing_since: Option<Tick>,
    /// Its place in the queue for the run slot, once it has used up a slice.
    ticket: Option<RunSlotTicket>,
    /// Counts the script among those of its lane.
    admitted: Admitted,
}

impl ScriptFuture {
    /// `call`: the function that is called, if the task is a call.
    pub(crate) fn new(lane: &Rc<LaneResources>, run: Run, call: Option<Box<FunctionCall>>) -> Self {
        let task = &run.claimed.task;
        let config = lane.config_for(task);
        let stack = lane.stacks().take();
        let (floor, shallow) = stack.as_ref().map_or((0, 0), |stack| {
            (stack.bottom() + lane.stack_reserve(), stack.top().saturating_sub(KEPT))
        });
        let account = Account::open(config.limits.max_memory, lane.accounts());
        let meter = Meter::new(floor, shallow, config.slice);
        let run = Rc::new(ScriptRun::new(run, call, config, meter, account));
        let fiber = stack.ok().map(|stack| {
            let (lane_of_body, run_of_body) = (Rc::clone(lane), Rc::clone(&run));
            Fiber::new(lane.stacks(), stack, run.stop_token().clone(), move || {
                run_script(&lane_of_body, &run_of_body)
            })
        });
        lane.metrics().started(fiber.is_some());
        lane.note_accounts();
        let (lane, admitted) = (Rc::clone(lane), Admitted::new(lane.admission()));
        Self {
            fiber,
            run,
            outcome: None,
            lane,
            counted: false,
            computing_since: None,
            ticket: None,
            admitted,
        }
    }

    /// The script has ended.
    fn end(
        &mut self,
        result: Result<Result<Output, TaskError>, Panicked>,
        cx: &mut Context<'_>,
    ) -> Option<Ran> {
        let made_to_end = self.run.made_to_end();
        if matches!(made_to_end, Some(End::Stopped | End::TimedOut)) {
            self.run.requests().clear();
        }
        // Whatever the script made of its end, it is not its outcome.
        if made_to_end == Some(End::Stopped) {
            return Some(Ran::Stopped(self.run.take_log()));
        }
        let requests = Requests::of(&self.run);
        requests.script_has_ended();
        let outcome = match result {
            Ok(Ok(output)) => Outcome::Completed(output),
            Ok(Err(error)) => Outcome::Error(error),
            Err(Panicked(message)) => Outcome::Error(panic_error(message, self.run.panicked_at())),
        };
        // Those that were woken or cancelled meanwhile may be all that is left.
        requests.poll(cx);
        if self.run.requests().is_idle() {
            return Some(Ran::Finished(outcome, self.run.take_log()));
        }
        self.outcome = Some(outcome);
        None
    }

    /// Runs the script for a slice, or until it waits.
    fn poll_fiber(&mut self, cx: &mut Context<'_>) -> Poll<Ran> {
        let Some(fiber) = &mut self.fiber else { return Poll::Pending };
        let stopped = self.run.stop_token().get().is_some();
        if !stopped && self.ticket.as_ref().is_some_and(|ticket| !ticket.holds_slot(cx)) {
            return Poll::Pending;
        }
        let ticket = self.ticket.take();
        self.admitted.running();
        let (meter, clock) = (self.run.meter(), self.run.clock());
        let now = clock.now();
        self.run.started_before(now);
        let computing_since = *self.computing_since.get_or_insert(now);
        self.run.probe().computes(computing_since);
        meter.begin_slice(now);
        let polled = self.run.account().during(|| Pin::new(&mut *fiber).poll(cx));
        let end = clock.now();
        meter.end_slice(end);
        self.lane.admission().note_slice(end - now);
        self.lane.metrics().slice();
        let Poll::Ready(result) = polled else {
            let (run, probe) = (&self.run, self.run.probe());
            if meter.is_yielding() {
                probe.is_queued(computing_since, |notes| run.write_notes(notes));
                self.ticket = Some(self.lane.run_slot().enqueue(cx));
            } else {
                probe.waits(end, |notes| run.write_notes(notes));
                self.computing_since = None;
                self.admitted.waiting();
            }
            drop(ticket); // the slot is granted to the next, which may be this one
            return Poll::Pending;
        };
        self.fiber = None;
        self.lane.metrics().fiber_ended();
        if let Some(ran) = self.end(result, cx) {
            return Poll::Ready(ran);
        }
        self.admitted.waiting();
        let left = self.run.requests().count_under_way();
        self.run.probe().waits(end, |notes| {
            notes.call.clear();
            notes.target = format!("{left} requests, after the end of its script");
        });
        self.poll_requests(cx)
    }

    /// The script has ended, and its requests continue.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<Ran> {
        let requests = self.run.requests();
        if let Poll::Ready(stop) = self.run.stop_token().poll_stopped(cx) {
            let cancelled = requests.clear();
            // The outcome stands, unless another instance has the claim.
            if stop == Stop::Lost {
                return Poll::Ready(Ran::Stopped(self.run.take_log()));
            }
            let text = format!("{cancelled} requests were cancelled: the task was stopped");
            self.run.log(LogLevel::Debug, &text);
        }
        if !requests.is_idle() {
            return Poll::Pending;
        }
        match self.outcome.take() {
            Some(outcome) => Poll::Ready(Ran::Finished(outcome, self.run.take_log())),
            None => Poll::Pending,
        }
    }

    /// Counts that the task has ended.
    fn count(&mut self, status: ScriptStatus) {
        if std::mem::replace(&mut self.counted, true) {
            return;
        }
        let now = self.run.clock().now();
        let took = now - self.run.started_before(now);
        self.lane.metrics().ended(status, took, self.run.meter().used());
        self.lane.note_accounts();
    }

    fn no_stack(&self) -> Ran {
        let message = "the worker has no memory mapping left for the stack of another script \
                       (Linux: vm.max_map_count; each script takes two)";
        let error = TaskError::new(TaskErrorKind::Limit, message);
        Ran::Finished(Outcome::Error(error), self.run.take_log())
    }
}

impl Future for ScriptFuture {
    type Output = Ran;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ran> {
        let run = Rc::clone(&self.run);
        let _current = Current::enter(&run);
        // Before the script continues, since it may wait for one of them.
        run.account().during(|| Requests::of(&run).poll(cx));
        let polled = if self.fiber.is_some() {
            self.poll_fiber(cx)
        } else if self.outcome.is_some() {
            self.poll_requests(cx)
        } else {
            Poll::Ready(self.no_stack())
        };
        if let Poll::Ready(ran) = &polled {
            self.admitted.ended();
            self.count(match ran {
                Ran::Finished(Outcome::Completed(_), _) => ScriptStatus::Completed,
                Ran::Finished(Outcome::Error(error), _) if error.kind == TaskErrorKind::Timeout => {
                    ScriptStatus::TimedOut
                }
                Ran::Finished(..) => ScriptStatus::Failed,
                Ran::Stopped(_) => ScriptStatus::Stopped,
            });
        }
        polled
    }
}

impl Drop for ScriptFuture {
    fn drop(&mut self) {
        if let Some(fiber) = self.fiber.take() {
            self.run.stop_token().stop(Stop::Drained);
            // What is left of the script runs to its end in here.
            let _current = Current::enter(&self.run);
            self.run.account().during(|| drop(fiber));
            self.lane.metrics().fiber_ended();
        }
        self.count(ScriptStatus::Stopped);
        // Also because their futures may hold the run.
        self.run.requests().clear();
    }
}

/// While it lives, one run is current on this thread.
struct Current<'a> {
    run: &'a ScriptRun,
    previous: Option<Rc<ScriptRun>>,
}

impl<'a> Current<'a> {
    fn enter(run: &'a Rc<ScriptRun>) -> Self {
        run.meter().swap();
        Self { run, previous: ScriptRun::set_current(Some(Rc::clone(run))) }
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        ScriptRun::set_current(self.previous.take());
        self.run.meter().swap();
    }
}
