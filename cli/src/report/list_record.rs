use std::fmt;

use rhai_dispatcher::TaskStatus;
use rhai_dispatcher::list_bridge::ListTaskDetails;

use super::visible::Visible;
use super::{Console, Results, json};
use crate::exit::Exit;

/// What the hash of a client of the list protocol says, for an id without a record.
#[derive(Debug)]
pub(crate) struct ListRecord<'a>(pub(crate) &'a ListTaskDetails);

impl ListRecord<'_> {
    /// Prints it, one line for each field that is set, or as one line of JSON.
    pub(crate) fn print(&self, console: Console, as_json: bool) -> Exit {
        let lines = if as_json { vec![json(self.0)] } else { self.lines() };
        let printed = Results::new(console).lines(lines);
        if self.0.status == TaskStatus::Error { Exit::Failure } else { printed }
    }

    /// Prints its outcome: the output, or why it has failed; or all of it as one line of JSON.
    pub(crate) fn print_outcome(&self, console: Console, as_json: bool) -> Exit {
        match &self.0.error {
            _ if as_json => self.print(console, true),
            Some(error) => {
                console.error(error);
                Exit::Failure
            }
            None => Results::new(console).lines(self.0.output.clone()),
        }
    }

    fn lines(&self) -> Vec<String> {
        let details = self.0;
        let mut lines = Vec::new();
        let mut field = |name: &str, value: &dyn fmt::Display| {
            let value = value.to_string();
            if !value.is_empty() {
                lines.push(format!("{name:<12}{}", Visible::line(&value)));
            }
        };
        field("task", &details.task_id);
        field("status", &details.status);
        field("output", &details.output.as_deref().unwrap_or_default());
        field("error", &details.error.as_deref().unwrap_or_default());
        field("worker", &details.worker_id);
        field("caller", &details.caller_id);
        field("context", &details.context_id.as_deref().unwrap_or_default());
        field("trace", &details.traceparent.as_deref().unwrap_or_default());
        field("created", &details.created_at);
        field("updated", &details.updated_at);
        lines
    }
}
