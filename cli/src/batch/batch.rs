use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use futures::{Stream, StreamExt};
use rhai_dispatcher::task::Progress;
use rhai_dispatcher::{
    PlayRequestBuilder, RhaiDispatcher, RhaiDispatcherError, RhaiTaskDetails, TaskId, TaskStatus,
};

use super::Ending;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::options::Script;
use crate::report::{Failure, Printer};

/// Runs scripts at the same time, all by the same request.
#[derive(Debug)]
pub(crate) struct Batch {
    dispatcher: RhaiDispatcher,
    /// What is asked for with each script.
    request: PlayRequestBuilder,
    timeout: Duration,
    /// Whether tasks are left alone that are no longer waited for.
    keep: bool,
    interrupt: Interrupt,
}

impl Batch {
    /// The most scripts that are submitted and whose ending has not been given out. It bounds the
    /// memory for scripts, and for results that wait for an earlier one.
    const MAX_OUTSTANDING: usize = 10_000;

    /// How long a script that was cancelled gets to end, so that what it printed is known.
    const STOP_WAIT: Duration = Duration::from_secs(1);

    /// `request` lacks nothing but the script.
    pub(crate) fn new(dispatcher: RhaiDispatcher, request: PlayRequestBuilder, interrupt: Interrupt) -> Self {
        let timeout = dispatcher.config().default_timeout;
        Self { dispatcher, request, timeout, keep: false, interrupt }
    }

    /// Leaves a task to itself at the timeout and after an interrupt, instead of cancelling it.
    pub(crate) fn with_keep(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }

    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs them and prints how each ended. The verdict.
    pub(crate) async fn print(&self, scripts: impl Stream<Item = Script>, mut printer: Printer) -> Exit {
        let mut endings = pin!(self.run(scripts));
        loop {
            let ending = match future::select(endings.next(), pin!(printer.print_live())).await {
                Either::Left((ending, _)) => ending,
                Either::Right(((), _)) => continue,
            };
            let Some(ending) = ending else { break };
            if printer.ending(&ending).is_break() {
                return Exit::Failure;
            }
        }
        if self.interrupt.is_raised() {
            printer.interrupted();
            return Exit::Interrupted;
        }
        printer.finish()
    }

    /// How each script ended, in their order, as soon as that allows. After an interrupt no further
    /// script is begun, and those that run are cancelled.
    fn run(&self, scripts: impl Stream<Item = Script>) -> impl Stream<Item = Ending> {
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
        let request = self.request.clone().script(Arc::clone(&text)).script_name(Arc::clone(&name));
        let id = match request.submit().await {
            Ok(id) => id,
            Err(error) => return Ending::refused(name, Some(text), error.into()),
        };
        let outcome = Box::pin(self.dispatcher.wait(id, self.timeout));
        let (why, interrupted) = match future::select(outcome, self.interrupt.raised()).await {
            Either::Left((Ok(details), _)) => return Ending::ended(name, details),
            Either::Left((Err(RhaiDispatcherError::Timeout(timed_out)), _)) => {
                let health = self.dispatcher.transport().health();
                if !health.connected {
                    return Ending::refused(name, Some(text), Failure::connection_lost(id));
                }
                if self.keep {
                    return Ending::refused(name, Some(text), Failure::without_outcome(id, self.timeout));
                }
                let why = match timed_out.progress() {
                    Progress::Unknown => self.dispatcher.progress(id).await.unwrap_or(Progress::Unknown),
                    why => why.clone(),
                };
                let failure = if why.is_waiting() {
                    Failure::not_begun(self.timeout, &why)
                } else {
                    Failure::timed_out(self.timeout)
                };
                (failure, false)
            }
            Either::Left((Err(error), _)) => return Ending::refused(name, Some(text), error.into()),
            Either::Right(((), _)) if self.keep => {
                return Ending::stopped(name, text, None, Failure::interrupted(), true);
            }
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
