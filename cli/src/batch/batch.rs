use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either, Fuse, FusedFuture, FutureExt};
use futures::{Stream, StreamExt, stream};
use rhai_dispatcher::task::{MethodName, Progress};
use rhai_dispatcher::{
    PlayRequestBuilder, RhaiDispatcher, RhaiDispatcherError, RhaiTaskDetails, TaskId, TaskStatus,
};

use super::Ending;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::options::Script;
use crate::report::{Failure, LiveSender, Printer};

/// Runs scripts concurrently. All of them use the settings of one request.
#[derive(Debug)]
pub(crate) struct Batch {
    dispatcher: RhaiDispatcher,
    /// The request for each script, complete but for the script.
    request: PlayRequestBuilder,
    timeout: Duration,
    /// Whether a task continues after the command has stopped waiting for it.
    keep: bool,
    interrupt: Interrupt,
    /// Where the events of tasks go, if they are printed during the run.
    live: Option<LiveSender>,
}

impl Batch {
    /// Limit on the scripts that are submitted and whose ending is not yet printed. It bounds the
    /// memory for scripts, and for results that wait for the result of an earlier script.
    const MAX_OUTSTANDING: usize = 10_000;

    /// Time for a cancelled script to end, so that its record has its log.
    const STOP_WAIT: Duration = Duration::from_secs(1);

    /// `request` is complete but for the script.
    pub(crate) fn new(dispatcher: RhaiDispatcher, request: PlayRequestBuilder, interrupt: Interrupt) -> Self {
        let timeout = dispatcher.config().default_timeout;
        Self { dispatcher, request, timeout, keep: false, interrupt, live: None }
    }

    /// With `keep`, a task continues after the timeout and after an interrupt. By default it is cancelled.
    pub(crate) fn with_keep(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }

    /// Follows the tasks, and sends what they tell.
    pub(crate) fn with_live(mut self, live: LiveSender) -> Self {
        self.live = Some(live);
        self
    }

    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs the scripts, prints how each ended, and returns the exit code.
    pub(crate) async fn print(&self, scripts: impl Stream<Item = Script>, printer: Printer) -> Exit {
        self.print_endings(self.run(scripts), printer).await
    }

    /// Makes one call of a method, which the request names, prints how it ended, and returns the exit code.
    pub(crate) async fn print_call(&self, method: &MethodName, printer: Printer) -> Exit {
        let call = self.run_request(method.as_str().into(), None, self.request.clone());
        self.print_endings(stream::once(call), printer).await
    }

    async fn print_endings(&self, endings: impl Stream<Item = Ending>, mut printer: Printer) -> Exit {
        let mut endings = pin!(endings);
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

    /// The ending of each script, in the order of the scripts. After an interrupt the batch starts no further
    /// script, and cancels the scripts that run.
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
        self.run_request(name, Some(text), request).await
    }

    /// `text`: that of the script, if the request is for one.
    async fn run_request(
        &self,
        name: Arc<str>,
        text: Option<Arc<str>>,
        request: PlayRequestBuilder,
    ) -> Ending {
        let id = match request.submit().await {
            Ok(id) => id,
            Err(error) => return Ending::refused(name, text, error.into()),
        };
        let events = self.live.clone().map(|live| live.follow(Arc::clone(&name), self.dispatcher.events(id)));
        let mut events = pin!(future::OptionFuture::from(events).map(drop).fuse());
        let ending = beside(events.as_mut(), self.ending_of(id, name, text)).await;
        if ending.details.as_ref().is_some_and(|details| details.status.is_terminal()) {
            // The last lines come with the outcome, which the events have as soon as the wait.
            let clock = self.dispatcher.transport().clock();
            future::select(events, clock.sleep_until(clock.now() + Self::STOP_WAIT)).await;
        }
        ending
    }

    /// Waits for the end of a task.
    async fn ending_of(&self, id: TaskId, name: Arc<str>, text: Option<Arc<str>>) -> Ending {
        let outcome = Box::pin(self.dispatcher.wait(id, self.timeout));
        let (why, interrupted) = match future::select(outcome, self.interrupt.raised()).await {
            Either::Left((Ok(details), _)) => return Ending::ended(name, details),
            Either::Left((Err(RhaiDispatcherError::Timeout(timed_out)), _)) => {
                let health = self.dispatcher.transport().health();
                if !health.connected {
                    return Ending::refused(name, text, Failure::connection_lost(id));
                }
                if self.keep {
                    return Ending::refused(name, text, Failure::without_outcome(id, self.timeout));
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
            Either::Left((Err(error), _)) => return Ending::refused(name, text, error.into()),
            Either::Right(((), _)) if self.keep => {
                return Ending::stopped(name, text, None, Failure::interrupted(), true);
            }
            Either::Right(((), _)) => (Failure::interrupted(), true),
        };
        match self.stop(id).await {
            // The script ended before the cancellation reached it: its outcome counts.
            Some(details) if matches!(details.status, TaskStatus::Completed | TaskStatus::Error) => {
                Ending::ended(name, details)
            }
            details => Ending::stopped(name, text, details, why, interrupted),
        }
    }

    /// Cancels a task and returns its record: the final one if the task ends within [`Self::STOP_WAIT`], else the
    /// current one.
    async fn stop(&self, id: TaskId) -> Option<RhaiTaskDetails> {
        // The record that is read next shows whether the cancellation succeeded.
        let _ = self.dispatcher.cancel(id).await;
        match self.dispatcher.wait(id, Self::STOP_WAIT).await {
            Ok(details) => Some(details),
            Err(_) => self.dispatcher.status(id).await.ok(),
        }
    }
}

/// The result of `work`, with `events` polled meanwhile.
async fn beside<T>(events: Pin<&mut Fuse<impl Future<Output = ()>>>, work: impl Future<Output = T>) -> T {
    let work = pin!(work);
    if events.is_terminated() {
        return work.await;
    }
    match future::select(work, events).await {
        Either::Left((done, _)) => done,
        Either::Right(((), work)) => work.await,
    }
}
