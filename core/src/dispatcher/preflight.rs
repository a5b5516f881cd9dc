use std::fmt::Debug;

use crate::{Payload, TaskError};

/// Checks a payload before it is queued, so that what can't run is refused at once.
pub trait Preflight: Send + Sync + Debug {
    /// Whether `payload` could run. Called for every submit, so it should remember.
    ///
    /// # Errors
    /// What a worker would answer.
    fn check(&self, payload: &Payload) -> Result<(), TaskError>;
}
