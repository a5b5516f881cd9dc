use std::sync::Arc;

use rhai_dispatcher::{CancelReason, RhaiTaskDetails, TaskStatus};

use crate::report::Failure;

/// How one script ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// What the script is called in messages.
    pub(crate) name: Arc<str>,
    /// Its text, if it could be read.
    pub(crate) text: Option<Arc<str>>,
    /// Its record, if it was accepted.
    pub(crate) details: Option<Box<RhaiTaskDetails>>,
    /// Why it did not complete.
    pub(crate) failure: Option<Failure>,
    /// Whether it was an interrupt that ended it.
    pub(crate) interrupted: bool,
}

impl Ending {
    /// It ran to an outcome.
    pub(crate) fn ended(name: Arc<str>, details: RhaiTaskDetails) -> Self {
        let text = Some(Arc::clone(&details.script));
        let failure = failure(&details);
        Self { details: Some(Box::new(details)), name, text, failure, interrupted: false }
    }

    /// The record of a task that has ended, whoever submitted it.
    pub(crate) fn of_record(details: RhaiTaskDetails) -> Self {
        let name = details.script_name.clone().unwrap_or_else(|| details.task_id.to_string().into());
        let text = Some(Arc::clone(&details.script));
        let failure = failure(&details);
        Self { details: Some(Box::new(details)), name, text, failure, interrupted: false }
    }

    /// It was never queued, or nothing is known of it any more.
    pub(crate) fn refused(name: Arc<str>, text: Option<Arc<str>>, failure: Failure) -> Self {
        Self { name, text, details: None, failure: Some(failure), interrupted: false }
    }

    /// It was cancelled by us.
    pub(crate) fn stopped(
        name: Arc<str>,
        text: Arc<str>,
        details: Option<RhaiTaskDetails>,
        failure: Failure,
        interrupted: bool,
    ) -> Self {
        let details = details.map(Box::new);
        Self { name, text: Some(text), details, failure: Some(failure), interrupted }
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
