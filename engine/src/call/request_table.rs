use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rhai::{EvalAltResult, ImmutableString};
use rhai_dispatcher_core::{TaskId, Tick};

use super::call_end::CallEnd;
use super::call_error::{CallError, NOT_FOUND, NOT_READY};
use super::request::{Request, RequestState, Started, UnderWay};
use super::request_future::RequestFuture;

/// The requests of one task: which there are, how far they are, and the futures of those under way.
///
/// Nothing is borrowed while a call's own code runs, save `running`, which is tried.
#[derive(Debug)]
pub(crate) struct RequestTable {
    task: TaskId,
    /// All that are known, by number.
    requests: RefCell<Known>,
    /// Those under way, once there has been one: most scripts make no requests.
    running: RefCell<Option<FuturesUnordered<RequestFuture>>>,
    /// Whether the script has ended, so that no more results are fetched.
    script_ended: Cell<bool>,
    /// What each id begins with: the task's id and a dash.
    prefix: OnceCell<String>,
    max_requests: usize,
    result_ttl: Duration,
}

#[derive(Debug, Default)]
struct Known {
    requests: BTreeMap<u64, Request>,
    /// Those that ended and were not fetched, by when they did.
    unfetched: BTreeSet<(Tick, u64)>,
    /// Those that were fetched, the oldest first. Of them only the status is known.
    fetched: VecDeque<u64>,
}

/// A request that has ended, for the log: its result is not fetched any more.
pub(crate) type Unfetched = (Started, CallEnd);

/// The longest part of an id in an error, in bytes. A script can ask for any text.
const MAX_ID: usize = 64;

impl RequestTable {
    /// Of a task that holds at most `max_requests`, and each result for `result_ttl`.
    pub(crate) fn new(task: TaskId, max_requests: usize, result_ttl: Duration) -> Self {
        Self {
            task,
            requests: RefCell::default(),
            running: RefCell::default(),
            script_ended: Cell::default(),
            prefix: OnceCell::new(),
            max_requests,
            result_ttl,
        }
    }

    /// Whether no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.try_borrow().is_ok_and(|running| running.as_ref().is_none_or(FuturesUnordered::is_empty))
    }

    /// How many requests are under way.
    pub(crate) fn count_under_way(&self) -> usize {
        self.running.try_borrow().map_or(0, |running| running.as_ref().map_or(0, FuturesUnordered::len))
    }

    /// What a request is, such as ``request 3 (`http_get`)``.
    pub(crate) fn describe(&self, number: u64) -> String {
        match self.requests.borrow().requests.get(&number) {
            Some(request) => format!("request {number} (`{}`)", request.started.function),
            None => format!("request {number}"),
        }
    }

    /// Whether the task holds as many as it may.
    pub(crate) fn is_full(&self) -> bool {
        let known = self.requests.borrow();
        known.requests.len() - known.fetched.len() >= self.max_requests
    }

    /// Adds the request of a call that has just begun. While futures are polled, off the fiber, none can be started:
    /// this one is dropped then.
    pub(crate) fn add(&self, started: &Started, call: &Rc<UnderWay>) {
        let number = started.number;
        let future = RequestFuture::new(number, Rc::clone(call));
        if let Ok(mut running) = self.running.try_borrow_mut() {
            let request = Request { started: started.clone(), state: RequestState::Pending(Rc::clone(call)) };
            self.requests.borrow_mut().requests.insert(number, request);
            running.get_or_insert_default().push(future);
        }
    }

    /// The number of the next request that has ended, and how. `None` if the others wait.
    pub(crate) fn poll_ended(&self, cx: &mut Context<'_>) -> Option<(u64, CallEnd)> {
        let mut running = self.running.try_borrow_mut().ok()?;
        let running = running.as_mut()?;
        while let Poll::Ready(Some(ended)) = running.poll_next_unpin(cx) {
            // Otherwise it was cancelled.
            if let Some(ended) = ended {
                return Some(ended);
            }
        }
        None
    }

    /// Notes how a request has ended. Once the script has ended, it is removed and returned.
    pub(crate) fn end(&self, number: u64, end: CallEnd, now: Tick) -> Option<Unfetched> {
        let mut known = self.requests.borrow_mut();
        if self.script_ended.get() {
            return known.requests.remove(&number).map(|request| (request.started, end));
        }
        if let Some(request) = known.requests.get_mut(&number) {
            request.state = RequestState::Ended(end, now);
            known.unfetched.insert((now, number));
        }
        None
    }

    /// Notes that the script has ended. Removes and returns those that were not fetched; the requests that are under way
    /// continue.
    pub(crate) fn script_has_ended(&self) -> Vec<Unfetched> {
        self.script_ended.set(true);
        let known = self.requests.take();
        let mut unfetched = Vec::new();
        let mut left = BTreeMap::new();
        for (number, Request { started, state }) in known.requests {
            match state {
                RequestState::Pending(_) => drop(left.insert(number, Request { started, state })),
                RequestState::Fetched(_) => {}
                RequestState::Ended(end, _) => unfetched.push((started, end)),
            }
        }
        self.requests.borrow_mut().requests = left;
        unfetched
    }

    /// Cancels all that are under way and forgets the rest. Returns how many were under way.
    pub(crate) fn clear(&self) -> usize {
        let known = self.requests.take();
        let count = known.requests.values().filter(|request| request.state.is_pending()).count();
        drop(known);
        // The calls' own destructors run in here, with nothing borrowed.
        let running = self.running.try_borrow_mut().map(|mut running| running.take());
        drop(running);
        count
    }

    pub(crate) fn id(&self, number: u64) -> ImmutableString {
        let prefix = self.prefix();
        let mut id = String::with_capacity(prefix.len() + 4);
        id.push_str(prefix);
        let _ = write!(id, "{number}"); // a string takes all that is written
        id.into()
    }

    fn prefix(&self) -> &str {
        self.prefix.get_or_init(|| format!("{}-", self.task))
    }

    /// The number of the request with this id.
    ///
    /// # Errors
    /// If it is unknown.
    pub(crate) fn find(&self, id: &str) -> Result<u64, Box<EvalAltResult>> {
        let number = id.strip_prefix(self.prefix()).and_then(|number| number.parse().ok());
        let known = number.filter(|number| self.requests.borrow().requests.contains_key(number));
        known.ok_or_else(|| {
            let cut = id.floor_char_boundary(MAX_ID);
            let dots = if cut < id.len() { "…" } else { "" };
            let message = format!(
                "unknown request `{}{dots}`: it is not one of this task, or its result was not fetched within {:?}",
                &id[..cut], self.result_ttl
            );
            CallError::new(NOT_FOUND, message).into()
        })
    }

    /// Removes and returns the requests whose results were not fetched in time. `now` is called if there may be some.
    pub(crate) fn take_expired(&self, now: impl FnOnce() -> Tick) -> Vec<Unfetched> {
        let mut expired = Vec::new();
        let mut known = self.requests.borrow_mut();
        if known.unfetched.is_empty() {
            return expired;
        }
        let now = now();
        while let Some((at, number)) = known.unfetched.first().copied()
            && now - at >= self.result_ttl
        {
            known.unfetched.pop_first();
            if let Some(Request { started, state: RequestState::Ended(end, _) }) =
                known.requests.remove(&number)
            {
                expired.push((started, end));
            }
        }
        expired
    }

    /// Calls `f` with a request that [`find`](Self::find) found.
    pub(crate) fn with<R>(
        &self,
        number: u64,
        f: impl FnOnce(&RequestState) -> R,
    ) -> Result<R, Box<EvalAltResult>> {
        match self.requests.borrow().requests.get(&number) {
            Some(request) => Ok(f(&request.state)),
            None => Err(CallError::not_fetched().into()),
        }
    }

    /// Takes how a request has ended.
    ///
    /// # Errors
    /// If it is not ready, with nothing lost, or if its result was fetched already.
    pub(crate) fn take_ended(&self, number: u64) -> Result<Unfetched, Box<EvalAltResult>> {
        let mut known = self.requests.borrow_mut();
        let known = &mut *known;
        let Some(request) = known.requests.get_mut(&number) else {
            return Err(CallError::not_fetched().into());
        };
        let status = match &request.state {
            RequestState::Ended(end, at) => {
                known.unfetched.remove(&(*at, number));
                end.status()
            }
            RequestState::Pending(_) => {
                let function = &request.started.function;
                let message = format!("the request {} (`{function}`) is not ready", self.id(number));
                return Err(CallError::new(NOT_READY, message).into());
            }
            RequestState::Fetched(_) => {
                let id = self.id(number);
                let message = format!("the result of the request {id} was fetched already");
                return Err(CallError::new(NOT_FOUND, message).into());
            }
        };
        let state = std::mem::replace(&mut request.state, RequestState::Fetched(status));
        let started = request.started.clone();
        known.fetched.push_back(number);
        if known.fetched.len() > self.max_requests
            && let Some(oldest) = known.fetched.pop_front()
        {
            known.requests.remove(&oldest);
        }
        match state {
            RequestState::Ended(end, _) => Ok((started, end)),
            RequestState::Pending(_) | RequestState::Fetched(_) => {
                Err(CallError::new(NOT_READY, "the request is not ready").into())
            }
        }
    }

    /// The call of a request that is under way; `None` if it has ended.
    pub(crate) fn under_way(&self, number: u64) -> Result<Option<Rc<UnderWay>>, Box<EvalAltResult>> {
        self.with(number, |state| match state {
            RequestState::Pending(call) => Some(Rc::clone(call)),
            RequestState::Ended(..) | RequestState::Fetched(_) => None,
        })
    }

    /// Undoes that the result of a request was taken.
    pub(crate) fn put_back(&self, number: u64, end: CallEnd, now: Tick) {
        let mut known = self.requests.borrow_mut();
        let known = &mut *known;
        if let Some(request) = known.requests.get_mut(&number) {
            request.state = RequestState::Ended(end, now);
            known.unfetched.insert((now, number));
            known.fetched.retain(|fetched| *fetched != number);
        }
    }
}
