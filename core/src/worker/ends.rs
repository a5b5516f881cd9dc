use std::time::Duration;

use futures::channel::{mpsc, oneshot};

use super::WorkerError;

/// What ends a worker.
pub(super) struct Ends {
    /// How each lane has ended.
    pub(super) of_lanes: mpsc::UnboundedReceiver<Result<(), WorkerError>>,
    /// Resolves when the worker is to shut down, with the grace; also when its handle is dropped.
    pub(super) shutdown: oneshot::Receiver<Duration>,
}
