use std::fmt;

use rhai_dispatcher::{CancelReason, RhaiTaskDetails};

use super::json;
use super::visible::Visible;

/// The record of a task as text, one line for each field that is set.
#[derive(Debug)]
pub(crate) struct Record<'a>(pub(crate) &'a RhaiTaskDetails);

impl Record<'_> {
    /// The lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let details = self.0;
        let mut lines = Vec::new();
        let mut field = |name: &str, value: &dyn fmt::Display| {
            lines.push(format!("{name:<12}{}", Visible::line(&value.to_string())));
        };
        let mut optional = |name: &str, value: Option<&dyn fmt::Display>| {
            if let Some(value) = value {
                field(name, value);
            }
        };
        optional("task", Some(&details.task_id));
        optional("status", Some(&details.status));
        optional(
            "reason",
            details.cancel_reason.map(CancelReason::as_str).as_ref().map(|reason| reason as _),
        );
        optional("output", details.output.as_ref().map(json).as_ref().map(|output| output as _));
        optional("error", details.error.as_ref().map(|error| error as _));
        let thrown = details.error.as_ref().and_then(|error| error.value.as_ref());
        optional("thrown", thrown.map(|value| value as _));
        optional("worker", Some(&details.worker_id));
        optional("instance", details.instance.as_ref().map(|instance| instance as _));
        optional("caller", Some(&details.caller_id));
        optional("context", details.context_id.as_ref().map(|id| id as _));
        optional("request", details.request_id.as_ref().map(|id| id as _));
        optional("parent", details.parent.as_ref().map(|id| id as _));
        optional("trace", details.trace.as_ref().map(|trace| trace as _));
        optional("script", details.script_name.as_ref().map(|name| name as _));
        optional("method", details.method.as_ref().map(|method| method as _));
        optional("args", (!details.args.is_null()).then_some(&details.args as _));
        optional("limits", details.limits.as_ref().map(|limits| limits as _));
        optional("priority", Some(&details.priority));
        optional("delivery", Some(&details.delivery));
        optional("retries", (details.attempt > 0).then_some(&details.attempt as _));
        optional("deaths", (details.deaths > 0).then_some(&details.deaths as _));
        optional("created", Some(&details.created_at));
        let pending = !details.status.is_terminal();
        optional("not before", details.run_at.as_ref().filter(|_| pending).map(|time| time as _));
        optional("started", details.started_at.as_ref().map(|time| time as _));
        optional("updated", Some(&details.updated_at));
        for child in &details.children {
            optional("child", Some(child));
        }
        for line in details.log.lines() {
            optional("log", Some(&line.text));
        }
        optional("log", details.log.is_truncated().then_some(&"(cut: it was longer than may be kept)" as _));
        lines
    }
}
