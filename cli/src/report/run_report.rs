use std::fmt;

use rhai_dispatcher::task::RunState;
use rhai_dispatcher::{RhaiDispatcherError, RhaiTaskDetails};
use serde::Serialize;

use super::{Snippet, Styles};
use crate::report::visible::Visible;

/// The record of a task, with what its run does if it runs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunReport<'a> {
    #[serde(flatten)]
    details: &'a RhaiTaskDetails,
    /// Null if it does not run, or if its worker did not answer.
    run: Option<RunState>,
    /// Why its worker did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_error: Option<String>,
}

impl<'a> RunReport<'a> {
    /// `answer`: what the worker of a running task answers; none for a task that does not run.
    pub(crate) fn new(
        details: &'a RhaiTaskDetails,
        answer: Option<Result<RunState, RhaiDispatcherError>>,
    ) -> Self {
        let (run, run_error) = match answer {
            // It has ended since its record was read.
            None | Some(Err(RhaiDispatcherError::NotRunning { .. })) => (None, None),
            Some(Ok(state)) => (Some(state), None),
            Some(Err(error)) => (None, Some(error.to_string())),
        };
        Self { details, run, run_error }
    }

    /// What the run does, one line for each field that is known, and then the place in the script.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut field = |name: &str, value: fmt::Arguments<'_>| {
            lines.push(format!("{name:<12}{}", Visible::line(&value.to_string())));
        };
        if let Some(error) = &self.run_error {
            field("now", format_args!("not known: {error}"));
        }
        let Some(state) = &self.run else { return lines };
        match state.activity_for {
            Some(time) => field("now", format_args!("{}, for {time:.1?}", state.activity)),
            None => field("now", format_args!("{}", state.activity)),
        }
        if let Some(time) = state.running_for {
            field("running for", format_args!("{time:.1?}"));
        }
        if let Some(operations) = state.operations {
            field("operations", format_args!("{operations}"));
        }
        if let Some(memory) = state.memory {
            field("memory", format_args!("{memory} bytes"));
        }
        if let Some(place) = &state.place {
            let own = place.module.is_none() && !self.details.script.is_empty();
            let text = own.then_some(&*self.details.script);
            let name = place.module.as_deref().or(self.details.script_name.as_deref()).unwrap_or("script");
            let snippet = Snippet::new(name, text, Some(place.line), place.column, Styles::default());
            lines.extend(snippet.to_string().lines().map(str::to_owned));
        }
        lines
    }
}
