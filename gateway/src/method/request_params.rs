use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher::task::{Limits, MethodName};
use rhai_dispatcher::{PlayRequestBuilder, Priority, TaskId, WorkerId};
use serde::Deserialize;
use serde_json::Value;

use super::built_in::Parameter;
use super::failure::of_error;
use super::params::{invalid, invalid_field};
use super::{CallContext, Params};
use crate::auth::Access;
use crate::rpc::{Code, ErrorObject};

/// The parameters of `play` and `call`, and of the methods that only submit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestParams {
    script: Option<String>,
    method: Option<String>,
    params: Option<Value>,
    #[serde(alias = "workerId")]
    worker_id: Option<String>,
    args: Option<Value>,
    timeout: Option<f64>,
    #[serde(default)]
    keep: bool,
    #[serde(alias = "scriptName")]
    script_name: Option<String>,
    #[serde(alias = "contextId")]
    context_id: Option<String>,
    #[serde(alias = "requestId")]
    request_id: Option<String>,
    priority: Option<Priority>,
    delay: Option<f64>,
    #[serde(alias = "expiresIn")]
    expires_in: Option<f64>,
    retries: Option<u32>,
    limits: Option<Limits>,
}

/// A request that has been checked, and is not submitted yet.
pub(super) struct Prepared {
    pub(super) request: PlayRequestBuilder,
    pub(super) worker_id: WorkerId,
    /// What the audit log has of it.
    pub(super) audited: Option<Audited>,
    /// Whether its task is kept when the client leaves.
    pub(super) keep: bool,
    /// How long a caller waits for it.
    pub(super) timeout: Duration,
}

/// An entry of the audit log: what was done, and to which script's worker id or which method.
#[derive(Debug, Clone)]
pub(super) struct Audited {
    pub(super) action: &'static str,
    pub(super) detail: Arc<str>,
}

impl Audited {
    fn script(worker_id: &WorkerId) -> Self {
        Self { action: "play", detail: worker_id.as_str().into() }
    }

    /// That of a call, if calls are in the log.
    pub(super) fn call(context: &CallContext, method: &MethodName) -> Option<Self> {
        context.core.config.audit_calls.then(|| Self { action: "call", detail: method.as_str().into() })
    }
}

/// What both have behind their own.
macro_rules! with_options {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            Parameter::optional("timeout", "number", "Seconds until the task is cancelled. Default: 30."),
            Parameter::optional("keep", "boolean", "Keep the task when this client leaves. Default: false."),
            Parameter::optional("context_id", "string", "The context, which the script sees."),
            Parameter::optional("request_id", "string", "Join the first task that was submitted with this id."),
            Parameter::optional("priority", "string", "`high`, `normal` or `low`. Default: `normal`."),
            Parameter::optional("delay", "number", "Seconds before the task may start."),
            Parameter::optional("expires_in", "number", "Seconds that the task may wait to be started."),
            Parameter::optional("retries", "integer", "How often it is tried again after an error. Default: 0."),
            Parameter::optional("limits", "object", "Limits below those of the worker, by name."),
        ]
    };
}

/// The parameters of `play`.
pub(super) const OF_PLAY: &[Parameter] = with_options![
    Parameter::required("script", "string", "The text of the script."),
    Parameter::optional("worker_id", "string", "The queue; needed unless the gateway has a default."),
    Parameter::optional("args", "object", "The arguments, which the script sees as `args`."),
    Parameter::optional("script_name", "string", "What to call the script in messages."),
];

/// The parameters of `call`.
pub(super) const OF_CALL: &[Parameter] = with_options![
    Parameter::required("method", "string", "The method, such as `shop.prices.get`."),
    Parameter::optional("params", "object", "Its parameters: an object by name, or an array by position."),
    Parameter::optional("worker_id", "string", "The queue; needed if several have the method."),
];

impl RequestParams {
    /// Reads the parameters of a method with these.
    pub(super) fn read(params: Params, parameters: &[Parameter]) -> Result<Self, ErrorObject> {
        let names: Vec<_> = parameters.iter().map(|parameter| parameter.name).collect();
        params.read(&names)
    }

    /// The request to run a script.
    pub(super) fn script(mut self, context: &CallContext) -> Result<Prepared, ErrorObject> {
        if self.method.is_some() || self.params.is_some() {
            return Err(invalid("`method` and `params` are parameters of `call`; a script has `args`"));
        }
        let script = self
            .script
            .take()
            .ok_or_else(|| invalid_field("script", "is missing; give the text of the script"))?;
        let worker_id = match self.worker_id()? {
            Some(worker_id) => worker_id,
            None => context.core.config.default_worker_id.clone().ok_or_else(|| {
                invalid_field("worker_id", "is missing, and the gateway has no default; name the queue")
            })?,
        };
        let mut request = context.identity.dispatcher().new_play_request().script(script);
        if let Some(name) = self.script_name.take() {
            request = request.script_name(name);
        }
        if let Some(args) = self.args.take() {
            request = request.args(args);
        }
        let audited = Audited::script(&worker_id);
        self.prepare(context, request, worker_id, Some(audited))
    }

    /// The request to call a method.
    pub(super) async fn call(mut self, context: &CallContext) -> Result<Prepared, ErrorObject> {
        if self.script.is_some() || self.args.is_some() || self.script_name.is_some() {
            return Err(invalid(
                "`script`, `args` and `script_name` are parameters of `play`; a method has `params`",
            ));
        }
        let method =
            self.method.take().ok_or_else(|| invalid_field("method", "is missing; name the method"))?;
        let worker_id = self.worker_id()?;
        let params = self.params.take().unwrap_or_default();
        let method = MethodName::try_from(method).map_err(|error| of_error(error.into()))?;
        let (request, worker_id) = call_of(context, &method, params, worker_id).await?;
        self.prepare(context, request, worker_id, Audited::call(context, &method))
    }

    fn worker_id(&mut self) -> Result<Option<WorkerId>, ErrorObject> {
        let id = self.worker_id.take().map(WorkerId::try_from);
        id.transpose().map_err(|error| of_error(error.into()))
    }

    fn prepare(
        self,
        context: &CallContext,
        mut request: PlayRequestBuilder,
        worker_id: WorkerId,
        audited: Option<Audited>,
    ) -> Result<Prepared, ErrorObject> {
        if !context.identity.scope().allows_worker(&worker_id) {
            return Err(forbidden_worker(&worker_id));
        }
        request = request.worker_id(worker_id.as_str());
        let timeout = timeout(self.timeout, context)?;
        if let Some(id) = self.context_id {
            request = request.context_id(id);
        }
        if let Some(id) = self.request_id {
            request = request.request_id(id);
        }
        if let Some(priority) = self.priority {
            request = request.priority(priority);
        }
        if let Some(delay) = self.delay {
            request = request.delay(seconds("delay", delay)?);
        }
        if let Some(expires_in) = self.expires_in {
            request = request.expires_in(seconds("expires_in", expires_in)?);
        }
        if let Some(retries) = self.retries {
            request = request.retries(retries);
        }
        if let Some(limits) = self.limits {
            request = request.limits(limits);
        }
        Ok(Prepared { request, worker_id, audited, keep: self.keep || context.keep, timeout })
    }
}

/// A call of a method, checked against the scope, and the worker id that it goes to.
pub(super) async fn call_of(
    context: &CallContext,
    method: &MethodName,
    params: Value,
    worker_id: Option<WorkerId>,
) -> Result<(PlayRequestBuilder, WorkerId), ErrorObject> {
    let scope = context.identity.scope();
    // Before it is looked for: otherwise the error would tell whether it exists.
    if !scope.allows_method(method) {
        let reason = format!("the token does not allow calls of {method}");
        return Err(ErrorObject::because(Code::Forbidden, reason).with("method", method.as_str()));
    }
    let dispatcher = context.identity.dispatcher();
    let worker_id = match worker_id {
        Some(worker_id) => worker_id,
        // Those that the token may not use are not looked at, for the same reason.
        None => {
            let found = dispatcher.find_worker_among(method, |id| scope.allows_worker(id)).await;
            match found.map_err(of_error)? {
                Some(worker_id) => worker_id,
                None => return Err(not_found(context, method).await),
            }
        }
    };
    if !scope.allows_worker(&worker_id) {
        return Err(forbidden_worker(&worker_id));
    }
    let request = dispatcher.call(method.as_str()).worker_id(worker_id.as_str()).params(params);
    Ok((request, worker_id))
}

/// The error of a method that no worker has. It names one that may have been meant, of those that the token may call.
async fn not_found(context: &CallContext, method: &MethodName) -> ErrorObject {
    let (dispatcher, scope) = (context.identity.dispatcher(), context.identity.scope());
    let among = |method: &MethodName, id: &WorkerId| scope.allows_method(method) && scope.allows_worker(id);
    match dispatcher.nearest_method(method, among).await {
        Ok(Some(meant)) => {
            let reason = format!("no living worker has the method {method}; did you mean {meant}?");
            ErrorObject::because(Code::MethodNotFound, reason).with("nearest", meant)
        }
        // Without one the error is that of the specification.
        _ => Code::MethodNotFound.into(),
    }
}

/// The timeout of a call, in seconds or by default.
pub(super) fn timeout(asked: Option<f64>, context: &CallContext) -> Result<Duration, ErrorObject> {
    let config = &context.core.config;
    let Some(asked) = asked else { return Ok(config.call_timeout.min(config.max_call_timeout)) };
    let timeout = seconds("timeout", asked)?;
    let max = config.max_call_timeout;
    if timeout > max {
        let problem = format!("{asked} s is longer than {} s (max_call_timeout)", max.as_secs_f64());
        return Err(invalid_field("timeout", problem));
    }
    if timeout.is_zero() {
        return Err(invalid_field("timeout", "is zero; give a number of seconds above zero"));
    }
    Ok(timeout)
}

fn seconds(name: &str, seconds: f64) -> Result<Duration, ErrorObject> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        invalid_field(name, format!("{seconds} is not a duration; give a number of seconds from zero on"))
    })
}

/// The id of a task.
pub(super) fn task_id(text: &str) -> Result<TaskId, ErrorObject> {
    text.parse().map_err(|error: rhai_dispatcher::Invalid| of_error(error.into()))
}

/// What a token lacks that does not allow `access`.
pub(crate) fn forbidden(access: Access) -> ErrorObject {
    let reason = format!("the token does not allow what needs `{}`", access.as_str());
    ErrorObject::because(Code::Forbidden, reason).with("needs", access.as_str())
}

fn forbidden_worker(worker_id: &WorkerId) -> ErrorObject {
    let reason = format!("the token does not allow the worker id {worker_id}");
    ErrorObject::because(Code::Forbidden, reason).with("workerId", worker_id.as_str())
}
