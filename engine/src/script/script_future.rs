use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use rhai_dispatcher_core::{LogLevel, Outcome, Output, Ran, Run, Stop, TaskError, TaskErrorKind};

use super::error::panic_error;
use super::script_run::End;
use super::tick::Ticker;
use super::{FunctionCall, ScriptRun};
use crate::fiber::{Fiber, KEPT, Panicked};
use crate::lane::{Lane, Place};
use crate::memory::Account;
use crate::metrics::ScriptStatus;
use crate::turns::Turn;

/// One script on its fiber, and then what is left of its requests.
///
/// The task ends when its requests have ended: so its log has what became of them, a draining worker
/// waits for them, and if the worker dies before, the task runs again.
#[derive(Debug)]
pub(crate) struct ScriptFuture {
    /// `None` once it has ended, or if there was no stack for it.
    fiber: Option<Fiber<Result<Output, TaskError>>>,
    run: Rc<ScriptRun>,
    /// What became of the script, while its requests go on.
    outcome: Option<Outcome>,
    lane: Rc<Lane>,
    /// Whether it has been counted as ended.
    counted: bool,
    /// Its place in the line of those that have used up their slice.
    turn: Option<Turn>,
    /// Counts the script among those of its lane.
    place: Place,
}

impl ScriptFuture {
    /// `call`: the function that is called, if the task is a call.
    pub(crate) fn new(lane: &Rc<Lane>, run: Run, call: Option<Box<FunctionCall>>) -> Self {
        let task = &run.claimed.task;
        let config = lane.config_for(task);
        let stack = lane.pool().take();
        let (floor, shallow) = stack.as_ref().map_or((0, 0), |stack| {
            (stack.bottom() + lane.stack_reserve(), stack.top().saturating_sub(KEPT))
        });
        let account = Account::open(config.max_memory, lane.accounts());
        let ticker = Ticker::new(floor, shallow, config.slice);
        let run = Rc::new(ScriptRun::new(run, call, config, ticker, account));
        let fiber = stack.ok().map(|stack| {
            let (lane_of_body, run_of_body) = (Rc::clone(lane), Rc::clone(&run));
            Fiber::new(lane.pool(), stack, run.stop_token().clone(), move || lane_of_body.run(&run_of_body))
        });
        lane.metrics().started(fiber.is_some());
        let (lane, place) = (Rc::clone(lane), Place::new(lane));
        Self { fiber, run, outcome: None, lane, counted: false, turn: None, place }
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
        self.run.requests().script_has_ended(&self.run);
        let outcome = match result {
            Ok(Ok(output)) => Outcome::Completed(output),
            Ok(Err(error)) => Outcome::Error(error),
            Err(Panicked(message)) => Outcome::Error(panic_error(message, self.run.panicked_at())),
        };
        // Those that were woken or cancelled meanwhile may be all that is left.
        self.run.requests().poll(&self.run, cx);
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
        if !stopped && self.turn.as_ref().is_some_and(|turn| !turn.has_come(cx)) {
            return Poll::Pending;
        }
        let turn = self.turn.take();
        self.place.running();
        let (ticker, clock) = (self.run.ticker(), self.run.clock());
        let now = clock.now();
        self.run.started_before(now);
        ticker.begin_slice(now);
        let polled = self.run.account().during(|| Pin::new(&mut *fiber).poll(cx));
        let end = clock.now();
        ticker.end_slice(end);
        self.lane.ran(end - now);
        self.lane.metrics().slice();
        let Poll::Ready(result) = polled else {
            match ticker.is_yielding() {
                true => self.turn = Some(self.lane.turns().line_up(cx)),
                false => self.place.waiting(),
            }
            drop(turn); // it goes to the next, who may be this one
            return Poll::Pending;
        };
        self.fiber = None;
        self.lane.metrics().fiber_ended();
        if let Some(ran) = self.end(result, cx) {
            return Poll::Ready(ran);
        }
        self.place.waiting();
        self.poll_requests(cx)
    }

    /// The script has ended, and its requests go on.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<Ran> {
        let requests = self.run.requests();
        if let Poll::Ready(stop) = self.run.stop_token().poll_stopped(cx) {
            let cancelled = requests.clear();
            // The outcome stands, unless it is somebody else's to say.
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
        self.lane.metrics().ended(status, took, self.run.ticker().used());
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
        // Before the script goes on, since it may wait for one of them.
        run.account().during(|| run.requests().poll(&run, cx));
        let polled = if self.fiber.is_some() {
            self.poll_fiber(cx)
        } else if self.outcome.is_some() {
            self.poll_requests(cx)
        } else {
            Poll::Ready(self.no_stack())
        };
        if let Poll::Ready(ran) = &polled {
            self.place.leave();
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
        run.ticker().swap();
        Self { run, previous: ScriptRun::set_current(Some(Rc::clone(run))) }
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        ScriptRun::set_current(self.previous.take());
        self.run.ticker().swap();
    }
}
