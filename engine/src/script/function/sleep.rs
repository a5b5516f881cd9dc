use std::fmt::Display;
use std::time::Duration;

use rhai::{EvalAltResult, FLOAT, INT, NativeCallContext};

use crate::call::{CallError, INVALID};
use crate::fiber::{self, WaitError};
use crate::memory::uncharged;
use crate::native::script_call;
use crate::script::run::{ScriptRun, conclude_wait};

/// Replaces Rhai's `sleep`, which would block the lane's thread. It takes seconds; a number that is not a time, below zero
/// or NaN, is an error, of which Rhai's takes no notice.
pub(crate) fn register(engine: &mut rhai::Engine) {
    engine.register_fn("sleep", |context: NativeCallContext<'_>, seconds: INT| {
        let duration = u64::try_from(seconds).map(Duration::from_secs);
        script_call(&context, || sleep(duration.map_err(|_| not_a_time(seconds))?))
    });
    engine.register_fn("sleep", |context: NativeCallContext<'_>, seconds: FLOAT| {
        script_call(&context, || match seconds >= 0.0 {
            true => sleep(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)),
            false => Err(not_a_time(seconds).into()),
        })
    });
}

fn not_a_time(seconds: impl Display) -> CallError {
    CallError::new(INVALID, format!("sleep: the time is {seconds} seconds; pass a number from 0 on"))
}

fn sleep(duration: Duration) -> Result<(), Box<EvalAltResult>> {
    if duration.is_zero() {
        return Ok(());
    }
    let run = ScriptRun::current().ok_or(WaitError::NotOnFiber)?;

    // One timer for the sleep and for the longest time that the script may take.
    let awake = run.clock().now() + duration;
    let wall_end = run.wall_end();
    let slept = uncharged(|| fiber::wait(run.clock().sleep_until(awake.min(wall_end))));
    conclude_wait(&run, slept.map(|()| (awake < wall_end).then_some(())))?;
    Ok(())
}
