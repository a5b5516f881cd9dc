use rhai_dispatcher_core::{CancelReason, Invalid, TaskDetails, TaskId, TaskStatus, WallTime};

use crate::ListTaskDetails;

/// How the task of a client has ended, in the words of the list protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    /// The text of the output, or of the error.
    result: Result<String, String>,
    at: WallTime,
    /// The task that ran it.
    task: Option<TaskId>,
    created_at: Option<WallTime>,
}

impl Ending {
    /// An error before any task ran.
    pub(super) fn error(error: impl Into<String>, at: WallTime) -> Self {
        Self { result: Err(error.into()), at, task: None, created_at: None }
    }

    /// A field that can't be used.
    pub(super) fn invalid(invalid: &Invalid, at: WallTime) -> Self {
        Self::error(invalid.to_string(), at)
    }

    /// A cancel before any task ran.
    pub(super) fn cancelled(at: WallTime) -> Self {
        Self::error(cancelled(CancelReason::Asked), at)
    }

    /// The outcome of a task.
    pub(super) fn of_task(details: &TaskDetails, longest: usize) -> Self {
        let result = match (&details.output, &details.error) {
            (Some(output), _) if details.status == TaskStatus::Completed => Ok(output.to_string()),
            (_, Some(error)) => Err(error.to_string()),
            _ => Err(details.cancel_reason.map_or_else(|| details.status.to_string(), cancelled)),
        };
        let result = match result {
            Ok(output) if output.len() > longest => Err(format!(
                "output: has {} bytes, and the limit is {longest}; return less, or raise max_output_bytes of the bridge",
                output.len()
            )),
            Err(mut error) if error.len() > longest => {
                error.truncate(error.floor_char_boundary(longest));
                Err(error)
            }
            result => result,
        };
        Self {
            result,
            at: details.updated_at,
            task: Some(details.task_id),
            created_at: Some(details.created_at),
        }
    }

    /// The fields of the client's hash that say so.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("status", self.status().to_string()), ("updatedAt", self.at.to_string())];
        fields.push(match &self.result {
            Ok(output) => ("output", output.clone()),
            Err(error) => ("error", error.clone()),
        });
        if let Some(task) = self.task {
            fields.push(("runsAs", task.to_string()));
        }
        fields
    }

    /// Writes it into what a reply says.
    pub(super) fn write(self, details: &mut ListTaskDetails) {
        details.status = self.status();
        details.updated_at = self.at.to_string();
        if details.created_at.is_empty() {
            details.created_at = self.created_at.unwrap_or(self.at).to_string();
        }
        (details.output, details.error) = match self.result {
            Ok(output) => (Some(output), None),
            Err(error) => (None, Some(error)),
        };
    }

    fn status(&self) -> TaskStatus {
        if self.result.is_ok() { TaskStatus::Completed } else { TaskStatus::Error }
    }
}

/// The list protocol has no status for it.
fn cancelled(reason: CancelReason) -> String {
    format!("cancelled: {reason}")
}
