use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use futures::{Stream, StreamExt};
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherError, RhaiTaskDetails, TaskId, TaskStatus};
use serde_json::{Map, Value};

use super::Ending;
use crate::interrupt::Interrupt;
use crate::options::Script;
use crate::report::Failure;

/// Runs scripts at the same time, all on one worker id, with the same arguments.
#[derive(Debug)]
pub(crate) struct Batch {
    dispatcher: RhaiDispatcher,
    worker_id: Arc<str>,
    args: Map<String, Value>,
    timeout: Duration,
    interrupt: Interrupt,
}

impl Batch {
    /// The most scripts that are submitted and whose ending has not been given out. It bounds the
    /// memory for scripts, and for results that wait for an earlier one.
    const MAX_OUTSTANDING: usize = 1024;

    /// How long a script that was cancelled gets to end, so that what it printed is known.
    const STOP_WAIT: Duration = Duration::from_secs(1);

    pub(crate) fn new(dispatcher: RhaiDispatcher, worker_id: &str, interrupt: Interrupt) -> Self {
        let timeout = dispatcher.config().default_timeout;
        Self { dispatcher, worker_id: worker_id.into(), args: Map::new(), timeout, interrupt }
    }

    pub(crate) fn with_args(mut self, args: Map<String, Value>) -> Self {
        self.args = args;
        self
    }

    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How each script ended, in their order, as soon as that allows. After an interrupt no further
    /// script is begun, and those that run are cancelled.
    pub(crate) fn run(&self, scripts: impl Stream<Item = Script>) -> impl Stream<Item = Ending> {
        scripts
            .take_until(self.interrupt.raised())
            .map(|script| self.run_one(script))
            .buffered(Self::MAX_OUTSTANDING)
    }

    async fn run_one(&self, script: Script) -> Ending {
        let Script { name, text } = script;
        let text = match text {
            Ok(text) => text,
            Err(failure) => return Ending::refused(name, None, failure),
        };
        let request = self.dispatcher.new_play_request();
        let request = request.worker_id(Arc::clone(&self.worker_id)).script(Arc::clone(&text));
        let id = match request.args(&self.args).submit().await {
            Ok(id) => id,
            Err(error) => return Ending::refused(name, Some(text), error.into()),
        };
        let outcome = Box::pin(self.dispatcher.wait(id, self.timeout));
        let (why, interrupted) = match future::select(outcome, self.interrupt.raised()).await {
            Either::Left((Ok(details), _)) => return Ending::ended(name, details),
            Either::Left((Err(RhaiDispatcherError::Timeout(_)), _)) => {
                (Failure::timed_out(self.timeout), false)
            }
            Either::Left((Err(error), _)) => return Ending::refused(name, Some(text), error.into()),
            Either::Right(((), _)) => (Failure::interrupted(), true),
        };
        match self.stop(id).await {
            // It was quicker: what it answered stands.
            Some(details) if matches!(details.status, TaskStatus::Completed | TaskStatus::Error) => {
                Ending::ended(name, details)
            }
            details => Ending::stopped(name, text, details, why, interrupted),
        }
    }

    /// Cancels a task, and gives its record: after its end, unless that takes too long.
    async fn stop(&self, id: TaskId) -> Option<RhaiTaskDetails> {
        // If that fails, the record tells.
        let _ = self.dispatcher.cancel(id).await;
        match self.dispatcher.wait(id, Self::STOP_WAIT).await {
            Ok(details) => Some(details),
            Err(_) => self.dispatcher.status(id).await.ok(),
        }
    }
}
