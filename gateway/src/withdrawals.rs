use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::task::Cancelled;
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher::{CancelReason, TaskId};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Cancels the tasks of clients that have left.
///
/// A client that leaves drops the futures of its calls, and nothing can be awaited there: the ids go to one task that
/// cancels them in batches.
#[derive(Debug, Clone)]
pub(crate) struct Withdrawals(mpsc::Sender<TaskId>);

/// The other end, for [`Withdrawals::run`].
pub(crate) type Withdrawn = mpsc::Receiver<TaskId>;

/// The task of a call that waits for it; it is cancelled if this is dropped before the call has ended.
#[derive(Debug)]
pub(crate) struct Withdrawal {
    withdrawals: Withdrawals,
    id: Option<TaskId>,
}

impl Withdrawals {
    /// How many may wait. Beyond it a task ends by its deadline, soon after the timeout of its call.
    const QUEUE: usize = 100_000;
    /// How many one call of the transport cancels: as many as it carries out also if its answer is not waited for.
    const BATCH: usize = 128;
    /// When a task that was not found is looked for again: a submit that is underway has come by then.
    const AGAIN_AFTER: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> (Self, Withdrawn) {
        let (sender, receiver) = mpsc::channel(Self::QUEUE);
        (Self(sender), receiver)
    }

    /// Begins to watch over a call.
    pub(crate) fn watch(&self, id: TaskId) -> Withdrawal {
        Withdrawal { withdrawals: self.clone(), id: Some(id) }
    }

    /// Cancels what is withdrawn, until all senders are gone.
    ///
    /// A client may leave while its task is submitted, and the cancel overtake the submit: what is not found is looked for once
    /// more.
    pub(crate) async fn run(mut withdrawn: Withdrawn, transport: Arc<dyn Transport>) {
        let mut batch = Vec::with_capacity(Self::BATCH);
        let mut again: VecDeque<(Instant, TaskId)> = VecDeque::new();
        let mut is_open = true;
        while is_open || !again.is_empty() {
            let due = again.front().map_or_else(Instant::now, |(due, _)| *due);
            tokio::select! {
                count = withdrawn.recv_many(&mut batch, Self::BATCH), if is_open => {
                    is_open = count > 0;
                    let unknown = cancel(&*transport, &batch).await;
                    let due = Instant::now() + Self::AGAIN_AFTER;
                    again.extend(unknown.into_iter().take(Self::QUEUE - again.len()).map(|id| (due, id)));
                    batch.clear();
                }
                () = sleep_until(due), if !again.is_empty() => {
                    let now = Instant::now();
                    let count = again.iter().take(Self::BATCH).take_while(|(due, _)| *due <= now).count();
                    let ids: Vec<_> = again.drain(..count).map(|(_, id)| id).collect();
                    cancel(&*transport, &ids).await;
                }
            }
        }
    }
}

/// Cancels tasks. Those that are not known.
async fn cancel(transport: &dyn Transport, ids: &[TaskId]) -> Vec<TaskId> {
    match transport.cancel(ids, CancelReason::Withdrawn).await {
        Ok(cancelled) => {
            let unknown = ids.iter().zip(cancelled).filter(|(_, one)| *one == Cancelled::NotFound);
            unknown.map(|(id, _)| *id).collect()
        }
        Err(error) => {
            tracing::warn!(%error, tasks = ids.len(), "tasks of clients that left end by their deadlines");
            Vec::new()
        }
    }
}

impl Withdrawal {
    /// The call has its answer.
    pub(crate) fn answered(mut self) {
        self.id = None;
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Full: the task's deadline ends it.
            let _ = self.withdrawals.0.try_send(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use rhai_dispatcher::RhaiDispatcher;

    use super::*;

    #[tokio::test]
    async fn cancel_that_overtakes_its_submit_is_repeated() {
        let dispatcher = RhaiDispatcher::builder().caller_id("tests").url("memory:").build().expect("one");
        let (withdrawals, withdrawn) = Withdrawals::new();
        let running = tokio::spawn(Withdrawals::run(withdrawn, dispatcher.transport().clone()));
        let (early, answered) = (TaskId::new(), TaskId::new());
        drop(withdrawals.watch(early));
        withdrawals.watch(answered).answered();
        // The sender is alive: the queue is empty once the first cancel is underway.
        while withdrawals.0.capacity() < Withdrawals::QUEUE {
            tokio::task::yield_now().await;
        }
        for id in [early, answered] {
            let request = dispatcher.new_play_request().worker_id("main").script("1").task_id(id);
            request.delay(Duration::from_secs(60 * 60)).submit().await.expect("a task");
        }
        drop(withdrawals);
        running.await.expect("no panic");
        let details = dispatcher.status(early).await.expect("its record");
        assert_eq!(details.cancel_reason, Some(CancelReason::Withdrawn));
        assert!(!dispatcher.status(answered).await.expect("its record").status.is_terminal());
    }
}
