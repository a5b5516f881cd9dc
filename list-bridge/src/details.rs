use rhai_dispatcher_core::TaskStatus;
use serde::{Deserialize, Serialize};

/// What the list protocol tells of a task: the reply to its client, as one JSON object with names in camelCase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListTaskDetails {
    /// The id that its client has chosen.
    #[serde(alias = "task_id")]
    pub task_id: String,
    /// The worker id to whose list it was pushed; empty if that is not known.
    #[serde(alias = "worker_id", default)]
    pub worker_id: String,
    /// The caller; empty if the client named none.
    #[serde(alias = "caller_id", default)]
    pub caller_id: String,
    /// The context, such as its user.
    #[serde(alias = "context_id", default)]
    pub context_id: Option<String>,
    /// The trace of its client: a `traceparent` header of the W3C trace context. Left out if the client gave none, or an
    /// invalid one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The `tracestate` header that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// The text of the script; empty if it could not be read.
    #[serde(default)]
    pub script: String,
    /// Its status. A cancelled task ends with the status `error`.
    pub status: TaskStatus,
    /// What it returned: a text bare, another value as JSON.
    #[serde(default)]
    pub output: Option<String>,
    /// Why it failed: the kind of the error, its message and its place in the script.
    #[serde(default)]
    pub error: Option<String>,
    /// When it was created: the client's text, or RFC 3339 by the server's clock.
    #[serde(alias = "created_at", default)]
    pub created_at: String,
    /// When that last changed, likewise.
    #[serde(alias = "updated_at", default)]
    pub updated_at: String,
}

impl ListTaskDetails {
    /// The details of a task that waits, without anything that its client may have left out.
    pub(crate) fn of_id(task_id: impl Into<String>) -> Self {
        Self {
            task_id: task_id.into(),
            worker_id: String::new(),
            caller_id: String::new(),
            context_id: None,
            traceparent: None,
            tracestate: None,
            script: String::new(),
            status: TaskStatus::Pending,
            output: None,
            error: None,
            created_at: String::new(),
            updated_at: String::new(),
        }
    }

    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        // Texts and a status always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_json_in_camel_case() {
        let mut details = ListTaskDetails::of_id("job-1");
        details.worker_id = "worker-1".into();
        details.status = TaskStatus::Completed;
        details.output = Some("42".into());
        let json = r#"{"taskId":"job-1","workerId":"worker-1","callerId":"","contextId":null,"script":"","status":"completed","output":"42","error":null,"createdAt":"","updatedAt":""}"#;
        assert_eq!(details.to_json(), json);
        assert_eq!(serde_json::from_str::<ListTaskDetails>(json).expect("details"), details);
        let snake = r#"{"task_id":"job-1","worker_id":"worker-1","status":"completed","output":"42"}"#;
        assert_eq!(serde_json::from_str::<ListTaskDetails>(snake).expect("details"), details);
    }
}
