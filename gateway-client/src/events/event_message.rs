use rhai_dispatcher_core::{LogLevel, TaskDetails, TaskEvent};
use serde::Deserialize;

use crate::error::{ClientError, Refusal};

/// The parameters of the notification `task.event`.
#[derive(Debug, Deserialize)]
pub(crate) struct EventMessage {
    /// The number of the subscription, on its connection.
    pub(crate) subscription: u64,
    event: Members,
}

/// The members that an event may have. Not an enum with a tag: serde would keep all members until it has found the tag,
/// and a record holds JSON that it reads as it is written.
#[derive(Debug, Deserialize)]
struct Members {
    #[serde(rename = "type")]
    typ: String,
    #[serde(default)]
    delivery: u32,
    level: Option<LogLevel>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    fraction: f64,
    #[serde(default)]
    lines: u32,
    task: Option<Box<TaskDetails>>,
    error: Option<Refusal>,
}

impl EventMessage {
    /// The event, or the error that ends the subscription. `None` if it is of a type that this version does not know.
    pub(super) fn into_event(self) -> Option<Result<TaskEvent, ClientError>> {
        let Members { typ, delivery, level, text, fraction, lines, task, error } = self.event;
        match (&*typ, level, task, error) {
            ("started", ..) => Some(Ok(TaskEvent::Started { delivery })),
            ("line", Some(level), ..) => Some(Ok(TaskEvent::Line { delivery, level, text })),
            ("progress", ..) => Some(Ok(TaskEvent::Progress { delivery, fraction, text })),
            ("lost", ..) => Some(Ok(TaskEvent::Lost { delivery, lines })),
            ("ended", _, Some(task), _) => Some(Ok(TaskEvent::Ended(task))),
            ("failed", _, _, Some(error)) => Some(Err(error.into())),
            _ => None,
        }
    }
}
