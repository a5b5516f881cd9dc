use std::time::Duration;

use rhai::{EvalAltResult, FLOAT, INT};

use crate::fiber::{self, WaitError};
use crate::memory::uncharged;
use crate::script::run::{ScriptRun, conclude_wait};

/// Replaces Rhai's `sleep`, which would block the lane's thread, by one with the same meaning:
/// it takes seconds, and nothing below zero.
pub(crate) fn register(engine: &mut rhai::Engine) {
    engine.register_fn("sleep", |seconds: INT| sleep(u64::try_from(seconds).map(Duration::from_secs).ok()));
    engine.register_fn("sleep", |seconds: FLOAT| {
        // Like Rhai: no wait for anything but a normal positive number.
        let seconds = Some(seconds).filter(|seconds| seconds.is_normal() && *seconds > 0.0);
        sleep(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
    });
}

fn sleep(duration: Option<Duration>) -> Result<(), Box<EvalAltResult>> {
    let Some(duration) = duration.filter(|duration| !duration.is_zero()) else { return Ok(()) };
    let run = ScriptRun::current().ok_or(WaitError::NotOnFiber)?;

    // One timer for the sleep and for the longest time that the script may take.
    let awake = run.clock().now() + duration;
    let wall_end = run.wall_end();
    let slept = uncharged(|| fiber::wait(run.clock().sleep_until(awake.min(wall_end))));
    conclude_wait(&run, slept.map(|()| (awake < wall_end).then_some(())))?;
    Ok(())
}
