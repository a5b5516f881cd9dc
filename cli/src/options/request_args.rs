use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rhai_dispatcher::task::{MethodName, TraceContext};
use rhai_dispatcher::{PlayRequestBuilder, Priority, RhaiDispatcher, WorkerId};

use super::ids::{method_name, priority, traceparent};
use super::script_args::json;
use super::{LimitArgs, ScriptArgs, ScriptFile, Timeout, duration, label, worker_id};
use crate::error::CommandError;

/// A script for a worker, and the settings of its task.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// The file with the script; - is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// A method of the worker to call, such as billing.charge, instead of a script
    ///
    /// Its parameters are those of --arg, by name, or of --params.
    #[arg(long, value_name = "NAME", conflicts_with = "file", value_parser = method_name)]
    method: Option<MethodName>,

    /// All parameters of the method, as JSON: an object has them by name, an array by position
    #[arg(long, value_name = "JSON", conflicts_with_all = ["file", "args"], value_parser = json)]
    params: Option<serde_json::Value>,

    /// The worker id that runs the script; a method without it goes to the worker id whose living workers have it
    #[arg(long = "worker", value_name = "ID", value_parser = worker_id, required_unless_present = "method")]
    worker_id: Option<WorkerId>,

    #[command(flatten)]
    args: ScriptArgs,

    #[command(flatten)]
    limits: LimitArgs,

    /// The priority among the tasks of the queue: high, normal or low
    #[arg(long, value_name = "PRIORITY", default_value = "normal", value_parser = priority)]
    priority: Priority,

    /// How long the task waits before it may start
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    delay: Option<Duration>,

    /// How often the task is retried after an error of the script [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    retries: Option<u32>,

    /// Join the first task that was submitted with this id, script, arguments and limits
    #[arg(long, value_name = "ID", value_parser = label)]
    request_id: Option<Arc<str>>,

    /// The id of the context that the script runs for, which scripts see as context_id
    #[arg(long = "context", value_name = "ID", value_parser = label)]
    context_id: Option<Arc<str>>,

    /// The trace that the task belongs to, as a traceparent header: 00-TRACE-SPAN-FLAGS [default: TRACEPARENT]
    ///
    /// TRACEPARENT is an environment variable that pipelines set. A value of it that is not valid is left out.
    #[arg(long, value_name = "TEXT", value_parser = traceparent)]
    traceparent: Option<TraceContext>,

    /// How long the task may wait before it starts
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    expires_in: Option<Timeout>,
}

/// What a task runs.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The script of a file.
    Script(ScriptFile),
    /// A method of the worker.
    Method(MethodName),
}

impl RequestArgs {
    /// What the task runs.
    ///
    /// # Errors
    /// If neither a script nor a method is given.
    pub(crate) fn target(&self) -> Result<Target, CommandError> {
        match (&self.method, &self.file) {
            (Some(method), _) => Ok(Target::Method(method.clone())),
            (None, Some(file)) => Ok(Target::Script(file.clone().into())),
            (None, None) => {
                let problem = "it is missing; give the file of a script, - for standard input, or a method with \
                               `--method <NAME>`";
                Err(CommandError::usage("<FILE>", problem))
            }
        }
    }

    /// Whether the task may be one that another caller has submitted.
    pub(crate) const fn may_join(&self) -> bool {
        self.request_id.is_some()
    }

    /// The request; without its script, if it has one. The task is stopped `useful_for` after the submit.
    ///
    /// # Errors
    /// Those of [`ScriptArgs::into_map`] and [`LimitArgs::into_limits`].
    pub(crate) fn request(
        self,
        dispatcher: &RhaiDispatcher,
        useful_for: Option<Duration>,
    ) -> Result<PlayRequestBuilder, CommandError> {
        let args = self.args.into_map(dispatcher.config().max_args_bytes)?;
        let mut request = dispatcher.new_play_request().args(args).limits(self.limits.into_limits()?);
        if let Some(worker_id) = self.worker_id {
            request = request.worker_id(worker_id);
        }
        if let Some(method) = self.method {
            request = request.method(method);
        }
        if let Some(params) = self.params {
            request = request.params(params);
        }
        request = request.priority(self.priority).retries(self.retries.unwrap_or_default());
        if let Some(delay) = self.delay {
            request = request.delay(delay);
        }
        if let Some(id) = self.request_id {
            request = request.request_id(id);
        }
        if let Some(id) = self.context_id {
            request = request.context_id(id);
        }
        if let Some(trace) = self.traceparent.or_else(trace_of_environment) {
            request = request.trace_context(trace);
        }
        if let Some(expires_in) = self.expires_in {
            request = request.expires_in(expires_in.duration());
        }
        if let Some(useful_for) = useful_for {
            request = request.deadline_in(useful_for);
        }
        Ok(request)
    }
}

/// The trace that the process which started this one takes part in, as OpenTelemetry hands it down.
fn trace_of_environment() -> Option<TraceContext> {
    let traceparent = env::var("TRACEPARENT").ok()?;
    TraceContext::from_headers(&traceparent, env::var("TRACESTATE").ok().as_deref())
}
