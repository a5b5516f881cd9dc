use std::sync::Arc;

use rhai_dispatcher::{CancelReason, RhaiTaskDetails, TaskStatus};

use crate::report::Failure;

/// How one script ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The script's name in messages.
    pub(crate) name: Arc<str>,
    /// The script's text, if it could be read.
    pub(crate) text: Option<Arc<str>>,
    /// The task's record, if the task was accepted.
    pub(crate) details: Option<Box<RhaiTaskDetails>>,
    /// Why the script did not complete.
    pub(crate) failure: Option<Failure>,
    /// Whether an interrupt ended the script.
    pub(crate) interrupted: bool,
}

impl Ending {
    /// The script ran to an outcome.
    pub(crate) fn ended(name: Arc<str>, details: RhaiTaskDetails) -> Self {
        let text = details.payload().source().cloned();
        let failure = failure(&details);
        Self { details: Some(Box::new(details)), name, text, failure, interrupted: false }
    }

    /// The ending of a task that this or another process submitted, from its record.
    pub(crate) fn of_record(details: RhaiTaskDetails) -> Self {
        let name = details.script_name.clone().or_else(|| details.method.clone().map(Into::into));
        let name = name.unwrap_or_else(|| details.task_id.to_string().into());
        let text = details.payload().source().cloned();
        let failure = failure(&details);
        Self { details: Some(Box::new(details)), name, text, failure, interrupted: false }
    }

    /// The script was never queued, or its record no longer exists.
    pub(crate) fn refused(name: Arc<str>, text: Option<Arc<str>>, failure: Failure) -> Self {
        Self { name, text, details: None, failure: Some(failure), interrupted: false }
    }

    /// This command cancelled the script.
    pub(crate) fn stopped(
        name: Arc<str>,
        text: Option<Arc<str>>,
        details: Option<RhaiTaskDetails>,
        failure: Failure,
        interrupted: bool,
    ) -> Self {
        let details = details.map(Box::new);
        Self { name, text, details, failure: Some(failure), interrupted }
    }
}

/// Why a task that has ended did not complete.
fn failure(details: &RhaiTaskDetails) -> Option<Failure> {
    match (details.status, &details.error) {
        (TaskStatus::Completed, _) => None,
        (_, Some(error)) => Some(error.clone().into()),
        (status, None) => {
            let reason = details.cancel_reason.map_or(status.as_str(), CancelReason::as_str);
            Some(Failure::new(status.as_str(), format!("the script was cancelled ({reason})")))
        }
    }
}
