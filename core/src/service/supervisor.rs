use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::requests::Requests;
use super::restart_policy::RestartPolicy;
use super::signature::Signature;
use super::worker_end::WorkerEnd;
use crate::panic_text::panic_text;

/// A supervised worker panicked once more than its [`RestartPolicy`] allows, or panicked although no caller was left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the worker panicked after {restarts} restarts in a row: {message}")]
#[non_exhaustive]
pub struct WorkerPanicked {
    /// The message of the last panic.
    pub message: String,
    /// How many restarts in a row it had.
    pub restarts: u32,
}

/// Runs a worker until it ends by itself, and starts it again after a panic.
///
/// Between two runs `end` keeps the queued requests. Those that the worker had begun end in `NoReply`. A run that had no
/// request to wait for is the last one.
pub(super) async fn supervise<S: Signature, F: Future>(
    end: WorkerEnd<S>,
    policy: RestartPolicy,
    mut run: impl FnMut(Requests<S>) -> F,
) -> Result<F::Output, WorkerPanicked> {
    let mut restarts = 0;
    loop {
        let clock = &end.channel().clock;
        let started = clock.now();
        let is_last = end.channel().is_deserted();
        let requests = Requests::new(end.clone());
        // The closure makes the config, and may panic too.
        let ran = AssertUnwindSafe(async { run(requests).await }).catch_unwind().await;
        let panic = match ran {
            Ok(output) => return Ok(output),
            Err(panic) => panic,
        };
        let message = panic_text(panic);
        if clock.now() - started >= policy.healthy_after {
            restarts = 0;
        }
        let Some(pause) = policy.backoff(restarts + 1).filter(|_| !is_last) else {
            return Err(WorkerPanicked { message, restarts });
        };
        restarts += 1;
        tracing::error!(
            panic = message,
            restarts,
            ?pause,
            "the worker of a service panicked, and is restarted"
        );
        clock.sleep_until(clock.now() + pause).await;
    }
}
