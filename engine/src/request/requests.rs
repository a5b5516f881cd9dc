use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Position};
use rhai_dispatcher_core::{LogLevel, Tick};

use super::problem::{NOT_READY, UNKNOWN, not_fetched};
use super::request::{Ended, Request, Started, State, UnderWay};
use super::request_future::RequestFuture;
use crate::call::{CallError, CallFuture, TOO_LARGE, check_nesting, check_reply};
use crate::script::{ScriptRun, output, over, settle};
use crate::{EngineConfig, fiber};

/// The requests of one task.
///
/// They are polled with the task's own future, before its script goes on, and in between by the
/// functions that start or await one. Nothing is borrowed while a call's own code runs, save
/// `running`, which is tried.
#[derive(Debug)]
pub(crate) struct Requests {
    /// All that are known, by number.
    table: RefCell<Table>,
    /// Those under way, once there has been one: most scripts make no requests.
    running: RefCell<Option<FuturesUnordered<RequestFuture>>>,
    /// Whether the script has ended, so that nobody will ask for results any more.
    script_ended: Cell<bool>,
    /// What each id begins with: the task's id and a dash.
    prefix: OnceCell<String>,
    max_requests: usize,
    result_ttl: Duration,
}

#[derive(Debug, Default)]
struct Table {
    requests: BTreeMap<u64, Request>,
    /// Those that ended and were not fetched, by when they did.
    unfetched: BTreeSet<(Tick, u64)>,
    /// Those that were fetched, the oldest first. Of them only the status is known.
    fetched: VecDeque<u64>,
}

/// The longest part of a result in the log, in bytes.
const MAX_LOGGED: usize = 1024;
/// The longest part of an id in an error, in bytes. A script can ask for any text.
const MAX_ID: usize = 64;

impl Requests {
    pub(crate) fn new(config: &EngineConfig) -> Self {
        Self {
            table: RefCell::default(),
            running: RefCell::default(),
            script_ended: Cell::default(),
            prefix: OnceCell::new(),
            max_requests: config.max_requests,
            result_ttl: config.result_ttl,
        }
    }

    /// Whether none is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.try_borrow().is_ok_and(|running| running.as_ref().is_none_or(FuturesUnordered::is_empty))
    }

    /// # Errors
    /// If the task holds as many as it may.
    pub(crate) fn check_room(&self, run: &ScriptRun) -> Result<(), Box<EvalAltResult>> {
        let is_full = || {
            let table = self.table.borrow();
            table.requests.len() - table.fetched.len() >= self.max_requests
        };
        if is_full() {
            self.forget_expired(run);
        }
        if is_full() {
            let what = "too many requests that are under way or whose results were not fetched";
            return Err(over(what, "max_requests", self.max_requests));
        }
        Ok(())
    }

    /// Begins a request, and returns its id. What does not have to wait is done at once.
    ///
    /// # Errors
    /// If the task is to end.
    pub(crate) fn start(
        &self,
        run: &ScriptRun,
        started: Started,
        call: CallFuture,
    ) -> Result<ImmutableString, Box<EvalAltResult>> {
        let number = started.number;
        let under_way = Rc::new(UnderWay { call: RefCell::new(Some(call)), waker: RefCell::default() });
        let id = self.id(run, number);
        let begun = fiber::wait(std::future::poll_fn(|cx| {
            let future = RequestFuture::new(number, Rc::clone(&under_way));
            // Nobody has it: futures are polled off the fiber, where nothing can be started.
            if let Ok(mut running) = self.running.try_borrow_mut() {
                let request =
                    Request { started: started.clone(), state: State::Pending(Rc::clone(&under_way)) };
                self.table.borrow_mut().requests.insert(number, request);
                running.get_or_insert_default().push(future);
            }
            self.poll(run, cx);
            Poll::Ready(())
        }));
        settle(run, begun.map(Some))?;
        Ok(id)
    }

    /// Lets those go on that have been woken, and notes how they ended.
    pub(crate) fn poll(&self, run: &ScriptRun, cx: &mut Context<'_>) {
        let Ok(mut running) = self.running.try_borrow_mut() else { return };
        let Some(running) = &mut *running else { return };
        while let Poll::Ready(Some(ended)) = running.poll_next_unpin(cx) {
            if let Some((number, ended)) = ended {
                self.end(run, number, ended);
            }
        }
    }

    fn end(&self, run: &ScriptRun, number: u64, mut ended: Ended) {
        if let Ended::Completed(value) = &ended
            && let Err(problem) = check_reply(run, value)
        {
            ended = Ended::Failed(CallError::new(TOO_LARGE, problem).into());
        }
        if let Ended::Completed(value) | Ended::Failed(value) = &ended
            && let Err(problem) = check_nesting(value)
        {
            ended = Ended::Failed(
                CallError::new(TOO_LARGE, format!("its result can't be kept: {problem}")).into(),
            );
        }
        let now = run.clock().now();
        let mut table = self.table.borrow_mut();
        let Some(request) = table.requests.get_mut(&number) else { return };
        if self.script_ended.get() {
            log(run, &request.started, &ended);
            table.requests.remove(&number);
            return;
        }
        request.state = State::Ended(ended, now);
        table.unfetched.insert((now, number));
    }

    /// Notes that the script has ended. The requests that are under way go on. What became or becomes
    /// of all that were not fetched goes into the log, so that it does not depend on which was faster.
    pub(crate) fn script_has_ended(&self, run: &ScriptRun) {
        self.script_ended.set(true);
        let table = self.table.take();
        let mut left = BTreeMap::new();
        for (number, request) in table.requests {
            match &request.state {
                State::Pending(_) => drop(left.insert(number, request)),
                State::Fetched(_) => {}
                State::Ended(ended, _) => log(run, &request.started, ended),
            }
        }
        self.table.borrow_mut().requests = left;
    }

    /// Cancels all that are under way and forgets the rest. How many were under way.
    pub(crate) fn clear(&self) -> usize {
        let table = self.table.take();
        let count =
            table.requests.values().filter(|request| matches!(request.state, State::Pending(_))).count();
        drop(table);
        // The calls' own destructors run in here, with nothing borrowed.
        let running = self.running.try_borrow_mut().map(|mut running| running.take());
        drop(running);
        count
    }

    fn id(&self, run: &ScriptRun, number: u64) -> ImmutableString {
        let prefix = self.prefix(run);
        let mut id = String::with_capacity(prefix.len() + 4);
        id.push_str(prefix);
        let _ = write!(id, "{number}"); // a string takes all that is written
        id.into()
    }

    fn prefix(&self, run: &ScriptRun) -> &str {
        self.prefix.get_or_init(|| format!("{}-", run.task().id))
    }

    /// The number of the request with this id.
    ///
    /// # Errors
    /// If it is unknown.
    pub(super) fn find(&self, run: &ScriptRun, id: &str) -> Result<u64, Box<EvalAltResult>> {
        self.forget_expired(run);
        let number = id.strip_prefix(self.prefix(run)).and_then(|number| number.parse().ok());
        let known = number.filter(|number| self.table.borrow().requests.contains_key(number));
        known.ok_or_else(|| {
            let cut = id.floor_char_boundary(MAX_ID);
            let dots = if cut < id.len() { "…" } else { "" };
            let message = format!(
                "unknown request `{}{dots}`: it is not one of this task, or its result was not fetched within {:?}",
                &id[..cut], self.result_ttl
            );
            CallError::new(UNKNOWN, message).into()
        })
    }

    /// Drops the results that nobody fetched in time; the log has them.
    fn forget_expired(&self, run: &ScriptRun) {
        let mut expired = Vec::new();
        {
            let mut table = self.table.borrow_mut();
            if table.unfetched.is_empty() {
                return;
            }
            let now = run.clock().now();
            while let Some((at, number)) = table.unfetched.first().copied()
                && now - at >= self.result_ttl
            {
                table.unfetched.pop_first();
                expired.push(table.requests.remove(&number));
            }
        }
        for request in expired.into_iter().flatten() {
            if let State::Ended(ended, _) = &request.state {
                log(run, &request.started, ended);
            }
        }
    }

    /// Calls `f` with a request that [`find`](Self::find) found.
    pub(super) fn with<R>(
        &self,
        number: u64,
        f: impl FnOnce(&Started, &State) -> R,
    ) -> Result<R, Box<EvalAltResult>> {
        match self.table.borrow().requests.get(&number) {
            Some(request) => Ok(f(&request.started, &request.state)),
            None => Err(not_fetched()),
        }
    }

    /// Takes the result of a request that has ended.
    ///
    /// # Errors
    /// If it failed, with its error; and, with nothing lost, if it is not ready.
    pub(super) fn take(&self, run: &ScriptRun, number: u64) -> Result<Dynamic, Box<EvalAltResult>> {
        let (started, ended) = self.take_ended(run, number)?;
        ended.into_result(&started)
    }

    /// Takes how a request has ended.
    ///
    /// # Errors
    /// If it is not ready, with nothing lost.
    fn take_ended(&self, run: &ScriptRun, number: u64) -> Result<(Started, Ended), Box<EvalAltResult>> {
        let mut table = self.table.borrow_mut();
        let table = &mut *table;
        let Some(request) = table.requests.get_mut(&number) else {
            return Err(not_fetched());
        };
        match &request.state {
            State::Pending(_) => {
                let function = &request.started.function;
                let message = format!("the request {} (`{function}`) is not ready", self.id(run, number));
                return Err(CallError::new(NOT_READY, message).into());
            }
            State::Fetched(_) => {
                let id = self.id(run, number);
                let message = format!("the result of the request {id} was fetched already");
                return Err(CallError::new(UNKNOWN, message).into());
            }
            State::Ended(_, at) => {
                table.unfetched.remove(&(*at, number));
            }
        }
        let fetched = State::Fetched(request.state.status());
        let state = std::mem::replace(&mut request.state, fetched);
        let started = request.started.clone();
        table.fetched.push_back(number);
        if table.fetched.len() > self.max_requests
            && let Some(oldest) = table.fetched.pop_front()
        {
            table.requests.remove(&oldest);
        }
        match state {
            State::Ended(ended, _) => Ok((started, ended)),
            State::Pending(_) | State::Fetched(_) => {
                Err(CallError::new(NOT_READY, "the request is not ready").into())
            }
        }
    }

    /// Takes the results of requests that have completed.
    ///
    /// # Errors
    /// The first failure; and, with nothing lost, that all together are more than the script may hold.
    pub(super) fn take_all(&self, run: &ScriptRun, numbers: &[u64]) -> Result<Array, Box<EvalAltResult>> {
        let values = numbers.iter().map(|number| self.take(run, *number)).collect::<Result<Array, _>>()?;
        let values = Dynamic::from_array(values);
        let checked = check_reply(run, &values);
        let values = values.into_array()?;
        if let Err(problem) = checked {
            for (number, value) in numbers.iter().zip(values) {
                self.put_back(run, *number, Ended::Completed(value));
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
        &self,
        run: &ScriptRun,
        numbers: &[u64],
        position: Position,
    ) -> Result<Array, Box<EvalAltResult>> {
        let mut settled = Array::with_capacity(numbers.len());
        let mut timed_out = BTreeSet::new();
        for number in numbers {
            let (started, ended) = self.take_ended(run, *number)?;
            if matches!(ended, Ended::TimedOut) {
                timed_out.insert(*number);
            }
            settled.push(ended.into_settled(&started, position).into());
        }
        let settled = Dynamic::from_array(settled);
        let checked = check_reply(run, &settled);
        let settled = settled.into_array()?;
        let Err(problem) = checked else { return Ok(settled) };
        for (number, map) in numbers.iter().zip(settled) {
            let ended = match timed_out.contains(number) {
                true => Ended::TimedOut,
                false => Ended::from_settled(map.cast()),
            };
            self.put_back(run, *number, ended);
        }
        Err(CallError::new(TOO_LARGE, problem).into())
    }

    /// Undoes that the result of a request was taken.
    fn put_back(&self, run: &ScriptRun, number: u64, ended: Ended) {
        let now = run.clock().now();
        let mut table = self.table.borrow_mut();
        let table = &mut *table;
        if let Some(request) = table.requests.get_mut(&number) {
            request.state = State::Ended(ended, now);
            table.unfetched.insert((now, number));
            table.fetched.retain(|fetched| *fetched != number);
        }
    }

    /// Cancels a request. Whether it was under way.
    pub(super) fn cancel(&self, run: &ScriptRun, number: u64) -> Result<bool, Box<EvalAltResult>> {
        let pending = self.with(number, |_, state| match state {
            State::Pending(under_way) => Some(Rc::clone(under_way)),
            State::Ended(..) | State::Fetched(_) => None,
        })?;
        let Some(under_way) = pending else { return Ok(false) };
        self.end(run, number, Ended::Failed(CallError::new("cancelled", "the request was cancelled").into()));
        let call = under_way.call.try_borrow_mut().map(|mut call| call.take());
        drop(call);
        // So that it is taken out of those that run.
        if let Some(waker) = under_way.waker.take() {
            waker.wake();
        }
        Ok(true)
    }
}

/// Writes how a request ended into the task's log.
fn log(run: &ScriptRun, started: &Started, ended: &Ended) {
    let what = match ended {
        Ended::Completed(value) => match output(value, MAX_LOGGED) {
            Ok(output) => format!("completed: {}", output.as_json()),
            Err(_) => "completed".to_owned(),
        },
        Ended::Failed(error) => {
            let text = error.as_map_ref().ok().and_then(|map| CallError::text_of(&map));
            let text = text.filter(|text| text.len() <= MAX_LOGGED);
            match text.or_else(|| Some(output(error, MAX_LOGGED).ok()?.to_string())) {
                Some(text) => format!("failed: {text}"),
                None => "failed".to_owned(),
            }
        }
        Ended::TimedOut => format!("timeout: it took longer than {:?}", started.timeout),
    };
    run.log(LogLevel::Debug, &format!("request {} (`{}`) {what}", started.number, started.function));
}
