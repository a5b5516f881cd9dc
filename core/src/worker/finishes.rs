use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};

use super::lane_state::LaneState;
use crate::metrics::{EndsOfBatch, WorkerMetrics};
use crate::{Clock, Completion, Consumer, EndedRun, ErrorLog, Finish, Finished, Outcome, TransportError};

/// Writes the completions of a lane.
///
/// Completions that come while a batch is being written form the next batch. What could not be written
/// is written again, beside the batches, until the transport has taken it: as long as this instance
/// lives no other one ends the task.
pub(super) struct Finishes {
    writer: Arc<Writer>,
    ended: Ended,
    writing: Option<BoxFuture<'static, Unwritten>>,
    repeating: FuturesUnordered<BoxFuture<'static, ()>>,
}

struct Writer {
    consumer: Arc<dyn Consumer>,
    clock: Arc<dyn Clock>,
    state: Arc<LaneState>,
    metrics: Arc<WorkerMetrics>,
    log: ErrorLog,
}

/// Ends of tasks that are to be written together.
#[derive(Default)]
struct Ended {
    completions: Vec<Completion>,
    /// What is told of those that end a run, in the same order; nothing if that is not logged.
    runs: Vec<EndedRun>,
}

impl Ended {
    /// None yet, with room for as many as there are in the batch before.
    fn with_room_for(before: &Self) -> Self {
        Self {
            completions: Vec::with_capacity(before.completions.len()),
            runs: Vec::with_capacity(before.runs.len()),
        }
    }
}

/// What of a batch the transport has not taken.
#[derive(Default)]
struct Unwritten {
    ended: Ended,
    /// Whether some of it may be taken soon.
    is_transient: bool,
}

/// The wait before what may be taken soon is written again; also the first one of what is refused.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);

/// The longest wait before what is refused is written again, to which it doubles.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Finishes {
    pub(super) fn new(
        consumer: Arc<dyn Consumer>,
        clock: Arc<dyn Clock>,
        state: Arc<LaneState>,
        metrics: Arc<WorkerMetrics>,
    ) -> Self {
        let writer = Arc::new(Writer { consumer, clock, state, metrics, log: ErrorLog::default() });
        Self { writer, ended: Ended::default(), writing: None, repeating: FuturesUnordered::new() }
    }

    /// Writes a completion, and tells the transport of the run that it ends.
    pub(super) fn push(&mut self, completion: Completion, run: Option<EndedRun>) {
        self.ended.completions.push(completion);
        self.ended.runs.extend(run);
    }

    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        self.ended.completions.is_empty() && self.writing.is_none() && self.repeating.is_empty()
    }

    /// Writes and repeats as far as possible. Whether a batch was answered.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut answered = false;
        while let Poll::Ready(Some(())) = self.repeating.poll_next_unpin(cx) {
            answered = true;
        }
        if self.writing.is_none() && !self.ended.completions.is_empty() {
            let next = Ended::with_room_for(&self.ended);
            let (writer, ended) = (Arc::clone(&self.writer), std::mem::replace(&mut self.ended, next));
            self.writing = Some(Box::pin(async move { writer.write(ended).await }));
        }
        let Some(writing) = &mut self.writing else { return answered };
        let Poll::Ready(left) = writing.poll_unpin(cx) else { return answered };
        self.writing = None;
        if !left.ended.completions.is_empty() {
            let writer = Arc::clone(&self.writer);
            self.repeating.push(Box::pin(async move { writer.repeat(left).await }));
        }
        true
    }
}

impl Writer {
    async fn write(&self, Ended { completions, runs }: Ended) -> Unwritten {
        let answers = self.consumer.finish(&completions).await;
        let mut left = Unwritten::default();
        let (mut away, mut refusal) = (None, None);
        let mut ends = EndsOfBatch::default();
        let (mut ended, mut released) = (Vec::with_capacity(completions.len()), 0);
        let mut told = Vec::with_capacity(runs.len());
        let mut runs = runs.into_iter();
        for (completion, answer) in completions.into_iter().zip(answers) {
            let task = completion.claim.task;
            ends.note(&completion.finish, &answer);
            released += usize::from(is_release(&completion, &answer));
            let run = if completion.finish.ends_run() { runs.next() } else { None };
            match answer {
                Ok(Finished::Written) => {
                    told.extend(run.map(|run| with_error(run, completion.finish)));
                    ended.push(completion.claim);
                }
                Ok(Finished::AlreadyTerminal(status)) => {
                    // It was written before, if the answer to that was lost.
                    let run = run.filter(|run| run.status == status);
                    told.extend(run.map(|run| with_error(run, completion.finish)));
                    ended.push(completion.claim);
                }
                // The detach released its tasks.
                Err(TransportError::Detached) => ended.push(completion.claim),
                Ok(Finished::Fenced) => {
                    if let Some(left_out) = self.log.admit("fenced") {
                        tracing::warn!(
                            %task, left_out, "the task was taken over meanwhile; this result of it is dropped"
                        );
                    }
                    ended.push(completion.claim);
                }
                Err(error) => {
                    left.ended.completions.push(completion);
                    left.ended.runs.extend(run);
                    if error.is_retryable() {
                        away = Some(error);
                    } else {
                        refusal = Some((task, error));
                    }
                }
            }
        }
        self.state.note_released(released);
        if !told.is_empty() {
            self.consumer.record_activity(told);
        }
        self.state.end(ended.into_iter());
        self.metrics.ends.add(&ends);
        left.is_transient = away.is_some();
        let tasks = left.ended.completions.len();
        if let Some((task, error)) = refusal {
            if let Some(left_out) = self.log.admit(&format!("refused: {error}")) {
                tracing::error!(
                    %task, %error, tasks, left_out, "the transport refuses to write how tasks have ended"
                );
            }
        } else if let Some(error) = away
            && let Some(left_out) = self.log.admit(&error.to_string())
        {
            tracing::warn!(%error, tasks, left_out, "how tasks have ended can't be written yet");
        }
        left
    }

    async fn repeat(&self, mut left: Unwritten) {
        let mut pause = SHORTEST_PAUSE;
        while !left.ended.completions.is_empty() {
            self.clock.sleep_until(self.clock.now() + pause).await;
            left = self.write(left.ended).await;
            pause = if left.is_transient { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        }
    }
}

/// The run with the error of its completion, if that has one.
fn with_error(run: EndedRun, finish: Finish) -> EndedRun {
    let error = match finish {
        Finish::Outcome(Outcome::Error(error)) | Finish::RetryIn(_, error) => Some(error.into()),
        _ => None,
    };
    EndedRun { error, ..run }
}

/// Whether a task was released by that.
pub(super) fn is_release(completion: &Completion, answer: &Result<Finished, TransportError>) -> bool {
    matches!(completion.finish, Finish::Release) && matches!(answer, Ok(Finished::Written))
}
