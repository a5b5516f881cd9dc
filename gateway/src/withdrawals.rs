use rhai_dispatcher::transport::Transport;
use rhai_dispatcher::{CancelReason, TaskId};
use std::sync::Arc;
use tokio::sync::mpsc;

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

    pub(crate) fn new() -> (Self, Withdrawn) {
        let (sender, receiver) = mpsc::channel(Self::QUEUE);
        (Self(sender), receiver)
    }

    /// Begins to watch over a call.
    pub(crate) fn watch(&self, id: TaskId) -> Withdrawal {
        Withdrawal { withdrawals: self.clone(), id: Some(id) }
    }

    /// Cancels what is withdrawn, until all senders are gone.
    pub(crate) async fn run(mut withdrawn: Withdrawn, transport: Arc<dyn Transport>) {
        let mut batch = Vec::with_capacity(Self::BATCH);
        while withdrawn.recv_many(&mut batch, Self::BATCH).await > 0 {
            if let Err(error) = transport.cancel(&batch, CancelReason::Withdrawn).await {
                tracing::warn!(%error, tasks = batch.len(), "tasks of clients that left end by their deadlines");
            }
            batch.clear();
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
