use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use rhai::{
    Array, Dynamic, EvalAltResult, FLOAT, INT, ImmutableString, NativeCallContext, Position, Variant,
};
use rhai_dispatcher_core::{Priority, Tick};

use super::requests::Requests;
use crate::call::{CallError, INVALID, NOT_FOUND, NOT_READY, RequestState};
use crate::fiber::{self, WaitError};
use crate::native::script_call::script_call;
use crate::script::{NativeResult, ScriptRun, conclude_wait};

/// Adds what scripts can do with requests.
pub(crate) fn register(engine: &mut rhai::Engine) {
    with_id(engine, "is_complete", |requests, number| {
        requests.table().with(number, |state| !state.is_pending())
    });
    with_id(engine, "request_status", |requests, number| {
        requests.table().with(number, |state| ImmutableString::from(state.status()))
    });
    with_id(engine, "get_result", |requests, number| requests.take(number));
    with_id(engine, "cancel_request", |requests, number| requests.cancel(number));
    engine.register_fn("set_request_priority", |context: NativeCallContext<'_>, priority: &str| {
        script_call(&context, || set_priority(priority))
    });
    awaiting(engine, "await_result", |_, id: ImmutableString, time| await_result(&id, time));
    awaiting(engine, "await_all", |_, ids: Array, time| await_all(&ids, time));
    awaiting(engine, "await_all_settled", |position, ids: Array, time| {
        await_all_settled(&ids, time, position)
    });
    awaiting(engine, "await_any", |_, ids: Array, time| await_any(&ids, time));
}

/// Adds a function of one request.
fn with_id<T: Variant + Clone>(
    engine: &mut rhai::Engine,
    name: &str,
    f: impl Fn(Requests<'_>, u64) -> NativeResult<T> + Send + Sync + 'static,
) {
    engine.register_fn(name, move |context: NativeCallContext<'_>, id: &str| {
        script_call(&context, || with_request(id, &f))
    });
}

/// Adds a function that waits, in its three forms: without a time, and with one in whole or fractional seconds.
fn awaiting<A: Variant + Clone, T: Variant + Clone>(
    engine: &mut rhai::Engine,
    name: &str,
    f: impl Fn(Position, A, Option<Duration>) -> NativeResult<T> + Send + Sync + Clone + 'static,
) {
    let (plain, in_whole, in_fraction) = (f.clone(), f.clone(), f);
    engine.register_fn(name, move |context: NativeCallContext<'_>, what: A| {
        script_call(&context, || plain(context.call_position(), what, None))
    });
    engine.register_fn(name, move |context: NativeCallContext<'_>, what: A, seconds: INT| {
        script_call(&context, || in_whole(context.call_position(), what, whole(seconds)))
    });
    engine.register_fn(name, move |context: NativeCallContext<'_>, what: A, seconds: FLOAT| {
        script_call(&context, || in_fraction(context.call_position(), what, fraction(seconds)))
    });
}

fn current() -> NativeResult<Rc<ScriptRun>> {
    Ok(ScriptRun::current().ok_or(WaitError::NotOnFiber)?)
}

fn with_request<T>(id: &str, f: impl FnOnce(Requests<'_>, u64) -> NativeResult<T>) -> NativeResult<T> {
    let run = current()?;
    let requests = Requests::of(&run);
    let number = requests.find(id)?;
    f(requests, number)
}

fn set_priority(priority: &str) -> NativeResult<()> {
    let priority: Priority = priority.parse().map_err(|_| {
        let message = format!("priority: `{priority:.20}` is not known; use `high`, `normal` or `low`");
        CallError::new(INVALID, message)
    })?;
    current()?.set_priority(priority);
    Ok(())
}

fn await_result(id: &str, time: Option<Duration>) -> NativeResult<Dynamic> {
    let run = current()?;
    let requests = Requests::of(&run);
    let number = requests.find(id)?;
    let pending = || requests.table().with(number, |state| state.is_pending());
    let ready =
        await_ready(&run, time, || requests.table().describe(number), || Ok((!pending()?).then_some(())))?;
    match ready {
        Some(()) => requests.take(number),
        None => Err(not_ready(&format!("the request {id} is not"), time)),
    }
}

/// All results, in the order of the ids. The first failure is thrown at once; the others can still be
/// fetched then, as they can after a time-out, or if all together are more than the script may hold.
fn await_all(ids: &[Dynamic], time: Option<Duration>) -> NativeResult<Array> {
    let run = current()?;
    let requests = Requests::of(&run);
    let numbers = find_all(requests, ids)?;
    let mut pending = numbers.clone();
    let ready = await_ready(
        &run,
        time,
        || all_of(numbers.len()),
        || {
            let mut failed = None;
            let mut unknown = None;
            pending.retain(|number| {
                let left = requests.table().with(*number, |state| match state {
                    RequestState::Pending(_) => true,
                    _ if state.has_completed() => false,
                    _ => {
                        failed = failed.or(Some(*number));
                        false
                    }
                });
                left.unwrap_or_else(|error| {
                    unknown = Some(error);
                    false
                })
            });
            match (failed, unknown) {
                (Some(number), _) => Err(requests.take(number).err().unwrap_or_else(|| "it failed".into())),
                (None, Some(error)) => Err(error),
                (None, None) => Ok(pending.is_empty().then_some(())),
            }
        },
    )?;
    match ready {
        Some(()) => requests.take_all(&numbers),
        None => Err(not_ready(&format!("{} of {} requests are not", pending.len(), numbers.len()), time)),
    }
}

/// How all have ended, in the order of the ids. After a time-out nothing is lost.
fn await_all_settled(ids: &[Dynamic], time: Option<Duration>, position: Position) -> NativeResult<Array> {
    let run = current()?;
    let requests = Requests::of(&run);
    let numbers = find_all(requests, ids)?;
    let mut pending = numbers.clone();
    let ready = await_ready(
        &run,
        time,
        || all_of(numbers.len()),
        || {
            let mut unknown = None;
            pending.retain(|number| {
                let left = requests.table().with(*number, |state| state.is_pending());
                left.unwrap_or_else(|error| {
                    unknown = Some(error);
                    false
                })
            });
            unknown.map_or_else(|| Ok(pending.is_empty().then_some(())), Err)
        },
    )?;
    match ready {
        Some(()) => requests.take_all_settled(&numbers, position),
        None => Err(not_ready(&format!("{} of {} requests are not", pending.len(), numbers.len()), time)),
    }
}

/// The id of the first that has ended, in whatever way; its result is still to be fetched.
fn await_any(ids: &[Dynamic], time: Option<Duration>) -> NativeResult<Dynamic> {
    if ids.is_empty() {
        return Err(CallError::new(
            INVALID,
            "the list of requests is empty; pass the id of one request at least",
        )
        .into());
    }
    let run = current()?;
    let requests = Requests::of(&run);
    let numbers = find_all(requests, ids)?;
    let first = await_ready(
        &run,
        time,
        || format!("one of {} requests", numbers.len()),
        || {
            for (index, number) in numbers.iter().enumerate() {
                if requests.table().with(*number, |state| !state.is_pending())? {
                    return Ok(Some(index));
                }
            }
            Ok(None)
        },
    )?;
    match first {
        Some(index) => Ok(ids[index].flatten_clone()),
        None => Err(not_ready(&format!("none of {} requests is", ids.len()), time)),
    }
}

/// The numbers of requests whose results have not been fetched.
fn find_all(requests: Requests<'_>, ids: &[Dynamic]) -> NativeResult<Vec<u64>> {
    let mut numbers = Vec::with_capacity(ids.len());
    for id in ids {
        let Ok(id) = id.as_immutable_string_ref() else {
            let message = format!("a request's id is a string, not a {}", id.type_name());
            return Err(CallError::new(INVALID, message).into());
        };
        let number = requests.find(&id)?;
        let id = &*id;
        if requests.table().with(number, |state| matches!(state, RequestState::Fetched(_)))? {
            let message = format!("the result of the request {id} was fetched already");
            return Err(CallError::new(NOT_FOUND, message).into());
        }
        numbers.push(number);
    }
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(CallError::new(INVALID, "the same request is in the list twice").into());
    }
    Ok(numbers)
}

/// Waits until `ready` has something, for at most `time`; `None` when that is over. `target` says what for.
fn await_ready<T>(
    run: &ScriptRun,
    time: Option<Duration>,
    target: impl FnOnce() -> String,
    mut ready: impl FnMut() -> NativeResult<Option<T>>,
) -> NativeResult<Option<T>> {
    if let Some(value) = ready()? {
        return Ok(Some(value));
    }
    run.call_trace().waits_for(target());
    let wall_end = run.wall_end();
    let until = time.map_or(Tick::from_nanos(u64::MAX), |time| run.clock().now() + time);
    let mut timer = run.clock().sleep_until(until.min(wall_end));
    let waited = fiber::wait(poll_fn(|cx: &mut Context<'_>| {
        // What was woken while the script ran has not been polled since.
        Requests::of(run).poll(cx);
        match ready() {
            Ok(None) => timer.poll_unpin(cx).map(|()| (until < wall_end).then_some(Ok(None))),
            done => Poll::Ready(Some(done)),
        }
    }));
    conclude_wait(run, waited)?
}

fn all_of(count: usize) -> String {
    format!("{count} requests")
}

fn not_ready(what: &str, time: Option<Duration>) -> Box<EvalAltResult> {
    CallError::new(NOT_READY, format!("{what} ready after {:?}", time.unwrap_or_default())).into()
}

/// Nothing below zero.
fn whole(seconds: INT) -> Option<Duration> {
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// Nothing below zero, nor for NaN; the longest time there is, if it is more than can be counted.
fn fraction(seconds: FLOAT) -> Option<Duration> {
    if seconds.is_nan() || seconds <= 0.0 {
        return Some(Duration::ZERO);
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
