use rhai_dispatcher::TaskId;
use rhai_dispatcher::task::TaskEvent;
use serde_json::{Value, json};

use crate::rpc::{ErrorObject, notification};

/// The notification of an event of a subscription.
pub(super) fn event_message(subscription: u64, task: TaskId, event: &TaskEvent) -> String {
    let event = match event {
        TaskEvent::Started { delivery } => json!({ "type": "started", "delivery": delivery }),
        TaskEvent::Line { delivery, level, text } => {
            json!({ "type": "line", "delivery": delivery, "level": level, "text": text })
        }
        TaskEvent::Progress { delivery, fraction, text } => {
            json!({ "type": "progress", "delivery": delivery, "fraction": fraction, "text": text })
        }
        TaskEvent::Lost { delivery, lines } => {
            json!({ "type": "lost", "delivery": delivery, "lines": lines })
        }
        TaskEvent::Ended(details) => json!({ "type": "ended", "task": details }),
        // One that a later version has.
        _ => json!({ "type": "other" }),
    };
    message(subscription, task, event)
}

/// The notification that a subscription has ended in an error.
pub(super) fn failure_message(subscription: u64, task: TaskId, error: &ErrorObject) -> String {
    message(subscription, task, json!({ "type": "failed", "error": error }))
}

fn message(subscription: u64, task: TaskId, event: Value) -> String {
    notification("task.event", &json!({ "subscription": subscription, "taskId": task, "event": event }))
}
