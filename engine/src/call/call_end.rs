use std::time::Duration;

use rhai::{Dynamic, EvalAltResult};

use super::call_error::{CallError, TIMEOUT, throw};
use crate::metrics::CallStatus;

/// How a call ended that was not cancelled.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// With a value.
    Completed(Dynamic),
    /// With what is thrown.
    Failed(Dynamic),
    /// It took too long.
    TimedOut,
}

impl CallEnd {
    pub(crate) const fn status(&self) -> CallStatus {
        match self {
            Self::Completed(_) => CallStatus::Completed,
            Self::Failed(_) => CallStatus::Failed,
            Self::TimedOut => CallStatus::TimedOut,
        }
    }

    /// The value, or the error that the script gets, of a call of `function` that may take `timeout`.
    pub(crate) fn into_result(
        self,
        function: &str,
        timeout: Duration,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        match self {
            Self::Completed(value) => Ok(value),
            Self::Failed(error) => Err(throw(error)),
            Self::TimedOut => {
                let message = format!("`{function}` took longer than its timeout of {timeout:?}");
                Err(CallError::new(TIMEOUT, message).into())
            }
        }
    }
}
