use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::end::End;
use super::script_run::ScriptRun;
use crate::fiber::{self, WaitError};
use crate::memory::uncharged;
use crate::metering::Budget;

/// Suspends the script that called a native function until `future` is ready, while its thread
/// runs other scripts.
///
/// ```
/// # use rhai_dispatcher_engine::{EngineConfig, wait};
/// # async fn look_up(name: &str) -> String { name.to_owned() }
/// let config = EngineConfig::new().with_setup(|engine| {
///     engine.register_fn("look_up", |name: &str| -> Result<String, Box<rhai::EvalAltResult>> {
///         Ok(wait(look_up(name))?)
///     });
/// });
/// ```
///
/// # Errors
/// [`WaitError::Stopped`] or [`WaitError::TimedOut`] when the task is to end, now or while it
/// waits. Return it with `?`: it ends the script, whose `try` does not catch it.
/// [`WaitError::NotOnFiber`] or [`WaitError::Panicking`] where it is impossible to wait.
pub fn wait<F: Future>(future: F) -> Result<F::Output, WaitError> {
    let Some(run) = ScriptRun::current() else { return fiber::wait(future) };
    let mut future = pin!(future);
    let mut time_out = None;
    let first_ready = poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        // Only a wait that lasts needs a timer.
        // The clock's own books belong to all lanes.
        let time_out = time_out.get_or_insert_with(|| uncharged(|| run.clock().sleep_until(run.wall_end())));
        uncharged(|| time_out.as_mut().poll(cx)).map(|()| None)
    });
    conclude_wait(&run, fiber::wait(first_ready))
}

/// The answer of a wait; `None` stands for the end of the longest time that the script may take. If the script has to
/// end, the run notes it: Rhai's `sort` and its like swallow the error of a callback, so the next operation reports it
/// again.
pub(crate) fn conclude_wait<T>(
    run: &ScriptRun,
    waited: Result<Option<T>, WaitError>,
) -> Result<T, WaitError> {
    match waited {
        Ok(Some(value)) => Ok(value),
        Ok(None) => {
            run.end_with(End::TimedOut);
            Budget::request_check();
            Err(WaitError::TimedOut)
        }
        Err(error) => {
            if matches!(error, WaitError::Stopped(_)) {
                run.end_with(End::Stopped);
                Budget::request_check();
            }
            Err(error)
        }
    }
}
