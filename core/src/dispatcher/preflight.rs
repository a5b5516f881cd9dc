use std::fmt::Debug;

use crate::{Payload, TaskError};

/// Checks a payload before it is queued, so that what can't run is refused at once.
///
/// # Threads
/// [`check`](Self::check) may take as long as it likes: the dispatcher calls it on a thread of its own. Only
/// payloads that are [`known`](Self::known), and those whose text is short enough by
/// [`inline_bytes`](Self::inline_bytes), cost no thread.
pub trait Preflight: Send + Sync + Debug {
    /// Whether `payload` could run.
    ///
    /// # Errors
    /// What a worker would answer.
    fn check(&self, payload: &Payload) -> Result<(), TaskError>;

    /// Whether `payload` was found good before. Called for every submit, on the caller's thread, so it has to
    /// be quick.
    fn known(&self, _payload: &Payload) -> bool {
        false
    }

    /// How many bytes of scripts one call may have checked on the caller's thread, which is quicker than
    /// another thread where a check is short. Default: 0.
    fn inline_bytes(&self) -> usize {
        0
    }
}
