use std::time::Duration;

use rhai_dispatcher_core::{Invalid, Limits, Priority};
use serde::Serialize;
use serde_json::value::RawValue;

/// What both kinds of requests may set.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) worker_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub(super) timeout: Option<Duration>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) keep: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub(super) delay: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub(super) expires_in: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<Limits>,
}

/// Adds the setters of [`Settings`] to a type with a field of that name.
macro_rules! settings_of {
    ($type:ty) => {
        impl $type {
            /// The queue. Default: that of the gateway, or the only one that has the method.
            pub fn with_worker_id(mut self, worker_id: impl Into<String>) -> Self {
                self.settings.worker_id = Some(worker_id.into());
                self
            }

            /// After how long the gateway cancels the task and answers. Default: `call_timeout` of the gateway, 30 s.
            pub const fn with_timeout(mut self, timeout: Duration) -> Self {
                self.settings.timeout = Some(timeout);
                self
            }

            /// Keeps the task when this client leaves, or when the timeout is over. Default: it is cancelled.
            pub const fn with_kept_task(mut self) -> Self {
                self.settings.keep = true;
                self
            }

            /// The context, which the script sees. Default: none.
            pub fn with_context_id(mut self, context_id: impl Into<String>) -> Self {
                self.settings.context_id = Some(context_id.into());
                self
            }

            /// Joins the first task that was submitted with this id, so that the call can be repeated. Default: none.
            pub fn with_request_id(mut self, request_id: impl Into<String>) -> Self {
                self.settings.request_id = Some(request_id.into());
                self
            }

            /// How soon the task is started beside others. Default: normal.
            pub const fn with_priority(mut self, priority: Priority) -> Self {
                self.settings.priority = Some(priority);
                self
            }

            /// How long the task waits before it may start. Default: zero.
            pub const fn with_delay(mut self, delay: Duration) -> Self {
                self.settings.delay = Some(delay);
                self
            }

            /// How long the task may wait to be started. Default: without a limit.
            pub const fn with_expires_in(mut self, expires_in: Duration) -> Self {
                self.settings.expires_in = Some(expires_in);
                self
            }

            /// How often it is tried again after an error. Default: 0.
            pub const fn with_retries(mut self, retries: u32) -> Self {
                self.settings.retries = Some(retries);
                self
            }

            /// Limits below those of the worker. Default: those of the worker.
            pub fn with_limits(mut self, limits: Limits) -> Self {
                self.settings.limits = Some(limits);
                self
            }

            /// Its timeout, if it has one of its own.
            pub(crate) const fn timeout(&self) -> Option<Duration> {
                self.settings.timeout
            }
        }
    };
}

pub(super) use settings_of;

/// `value` as JSON, kept as text.
pub(super) fn json(field: &'static str, value: &(impl Serialize + ?Sized)) -> Result<Box<RawValue>, Invalid> {
    serde_json::value::to_raw_value(value).map_err(|error| {
        Invalid::new(field, format!("has no JSON form: {error}"), "give a value that serde_json can write")
    })
}

fn seconds<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}
