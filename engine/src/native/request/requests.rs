use std::collections::BTreeSet;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Map, Position};
use rhai_dispatcher_core::LogLevel;

use crate::call::{
    CANCELLED, CallEnd, CallError, CallFuture, RequestTable, Started, TOO_LARGE, UnderWay, Unfetched,
};
use crate::config::limit_name;
use crate::fiber;
use crate::native::nesting::check_nesting;
use crate::native::reply_size::check_reply;
use crate::native::script_call::caught;
use crate::script::{LimitExceeded, ScriptRun, conclude_wait, output};

/// The requests of one task, as the functions for requests and the task's own future use them.
///
/// They are polled with the task's future, before its script continues, and in between by the functions that start or
/// await one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requests<'a> {
    run: &'a ScriptRun,
    table: &'a RequestTable,
}

/// The longest part of a result in the log, in bytes.
const MAX_LOGGED: usize = 1024;

/// The properties of a request that has settled.
const OK: &str = "ok";
const ERROR: &str = "error";

impl<'a> Requests<'a> {
    pub(crate) fn of(run: &'a ScriptRun) -> Self {
        Self { run, table: run.requests() }
    }

    pub(super) fn table(self) -> &'a RequestTable {
        self.table
    }

    /// # Errors
    /// If the task holds as many as it may.
    pub(crate) fn check_room(self) -> Result<(), Box<EvalAltResult>> {
        if self.table.is_full() {
            self.forget_expired();
        }
        if self.table.is_full() {
            let what = "too many requests that are under way or whose results were not fetched";
            let max = self.run.config().limits.max_requests;
            return Err(LimitExceeded::new(what, limit_name!(max_requests), max).into());
        }
        Ok(())
    }

    /// Begins a request, and returns its id. What does not have to wait is done at once.
    ///
    /// # Errors
    /// If the task is to end.
    pub(crate) fn start(
        self,
        started: Started,
        call: CallFuture,
    ) -> Result<ImmutableString, Box<EvalAltResult>> {
        let call = Rc::new(UnderWay::new(call));
        let id = self.table.id(started.number);
        let begun = fiber::wait(poll_fn(|cx| {
            self.table.add(&started, &call);
            self.poll(cx);
            Poll::Ready(())
        }));
        conclude_wait(self.run, begun.map(Some))?;
        Ok(id)
    }

    /// Polls those that have been woken, and notes how they ended.
    pub(crate) fn poll(self, cx: &mut Context<'_>) {
        while let Some((number, end)) = self.table.poll_ended(cx) {
            self.end(number, end);
        }
    }

    fn end(self, number: u64, mut end: CallEnd) {
        if let CallEnd::Completed(value) = &end
            && let Err(problem) = check_reply(self.run, value)
        {
            end = CallEnd::Failed(CallError::new(TOO_LARGE, problem).into());
        }
        if let CallEnd::Completed(value) | CallEnd::Failed(value) = &end
            && let Err(problem) = check_nesting(value)
        {
            let message = format!("its result can't be kept: {problem}");
            end = CallEnd::Failed(CallError::new(TOO_LARGE, message).into());
        }
        if let Some(unfetched) = self.table.end(number, end, self.run.clock().now()) {
            self.log(&unfetched);
        }
    }

    /// Notes that the script has ended. The requests that are under way continue. What became or becomes
    /// of all that were not fetched goes into the log, so that it does not depend on which was faster.
    pub(crate) fn script_has_ended(self) {
        self.table.script_has_ended().iter().for_each(|unfetched| self.log(unfetched));
    }

    /// The number of the request with this id.
    ///
    /// # Errors
    /// If it is unknown.
    pub(super) fn find(self, id: &str) -> Result<u64, Box<EvalAltResult>> {
        self.forget_expired();
        self.table.find(id)
    }

    /// Drops the results that were not fetched in time; the log has them.
    fn forget_expired(self) {
        let expired = self.table.take_expired(|| self.run.clock().now());
        expired.iter().for_each(|unfetched| self.log(unfetched));
    }

    /// Takes the result of a request that has ended.
    ///
    /// # Errors
    /// If it failed, with its error; and, with nothing lost, if it is not ready.
    pub(super) fn take(self, number: u64) -> Result<Dynamic, Box<EvalAltResult>> {
        let (started, end) = self.table.take_ended(number)?;
        started.result(end)
    }

    /// Takes the results of requests that have completed.
    ///
    /// # Errors
    /// The first failure; and, with nothing lost, that all together are more than the script may hold.
    pub(super) fn take_all(self, numbers: &[u64]) -> Result<Array, Box<EvalAltResult>> {
        let values = numbers.iter().map(|number| self.take(*number)).collect::<Result<Array, _>>()?;
        let values = Dynamic::from_array(values);
        let checked = check_reply(self.run, &values);
        let values = values.into_array()?;
        if let Err(problem) = checked {
            for (number, value) in numbers.iter().zip(values) {
                self.put_back(*number, CallEnd::Completed(value));
            }
            return Err(CallError::new(TOO_LARGE, problem).into());
        }
        Ok(values)
    }

    /// Takes how requests have ended, each as an object map: `#{ok: value}`, or `#{error: …}` with what a `catch`
    /// would get.
    ///
    /// # Errors
    /// With nothing lost, that all together are more than the script may hold.
    pub(super) fn take_all_settled(
        self,
        numbers: &[u64],
        position: Position,
    ) -> Result<Array, Box<EvalAltResult>> {
        let mut settled = Array::with_capacity(numbers.len());
        let mut timed_out = BTreeSet::new();
        for number in numbers {
            let (started, end) = self.table.take_ended(*number)?;
            if matches!(end, CallEnd::TimedOut) {
                timed_out.insert(*number);
            }
            settled.push(to_settled(&started, end, position).into());
        }
        let settled = Dynamic::from_array(settled);
        let checked = check_reply(self.run, &settled);
        let settled = settled.into_array()?;
        let Err(problem) = checked else { return Ok(settled) };
        for (number, map) in numbers.iter().zip(settled) {
            let end = match timed_out.contains(number) {
                true => CallEnd::TimedOut,
                false => from_settled(map.cast()),
            };
            self.put_back(*number, end);
        }
        Err(CallError::new(TOO_LARGE, problem).into())
    }

    fn put_back(self, number: u64, end: CallEnd) {
        self.table.put_back(number, end, self.run.clock().now());
    }

    /// Cancels a request. Returns whether it was under way.
    pub(super) fn cancel(self, number: u64) -> Result<bool, Box<EvalAltResult>> {
        let Some(under_way) = self.table.under_way(number)? else { return Ok(false) };
        self.end(number, CallEnd::Failed(CallError::new(CANCELLED, "the request was cancelled").into()));
        let call = under_way.call.try_borrow_mut().map(|mut call| call.take());
        drop(call);
        // So that it is taken out of those that run.
        if let Some(waker) = under_way.waker.take() {
            waker.wake();
        }
        Ok(true)
    }

    /// Writes how a request ended into the task's log.
    fn log(self, (started, end): &Unfetched) {
        let what = match end {
            CallEnd::Completed(value) => match output(value, MAX_LOGGED) {
                Ok(output) => format!("completed: {}", output.as_json()),
                Err(_) => "completed".to_owned(),
            },
            CallEnd::Failed(error) => {
                let text = error.as_map_ref().ok().and_then(|map| CallError::text_of(&map));
                let text = text.filter(|text| text.len() <= MAX_LOGGED);
                match text.or_else(|| Some(output(error, MAX_LOGGED).ok()?.to_string())) {
                    Some(text) => format!("failed: {text}"),
                    None => "failed".to_owned(),
                }
            }
            CallEnd::TimedOut => format!("timeout: it took longer than {:?}", started.timeout),
        };
        let text = format!("request {} (`{}`) {what}", started.number, started.function);
        self.run.log(LogLevel::Debug, &text);
    }
}

/// `#{ok: value}`, or `#{error: …}` with what a `catch` would get of a call at `position`.
fn to_settled(started: &Started, end: CallEnd, position: Position) -> Map {
    let (name, value) = match started.result(end) {
        Ok(value) => (OK, value),
        Err(error) => match *error {
            EvalAltResult::ErrorRuntime(value, _) => (ERROR, caught(value, position)),
            error => (ERROR, error.to_string().into()),
        },
    };
    std::iter::once((name.into(), value)).collect()
}

/// Undoes [`to_settled`].
fn from_settled(mut map: Map) -> CallEnd {
    match map.remove(OK) {
        Some(value) => CallEnd::Completed(value),
        None => CallEnd::Failed(map.remove(ERROR).unwrap_or_default()),
    }
}
