use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Preflight, TraceSource};
use crate::Invalid;
use crate::invalid::quoted;

/// The settings of a dispatcher.
#[derive(Clone)]
#[non_exhaustive]
pub struct DispatcherConfig {
    /// The caller, the same for all requests.
    pub caller_id: Arc<str>,
    /// How long [`await_response`](crate::PlayRequestBuilder::await_response) waits unless the
    /// request says otherwise. Default: 30 s.
    pub default_timeout: Duration,
    /// How long [`inspect`](crate::Dispatcher::inspect) waits for an answer. Default: 1 s.
    pub inspect_timeout: Duration,
    /// The longest script, in bytes. Default: 256 KiB.
    pub max_script_bytes: usize,
    /// The largest args, in bytes of JSON. Default: 1 MiB.
    pub max_args_bytes: usize,
    /// How many tasks may be above one, each dispatched by the next. Default: 16.
    pub max_depth: u32,
    /// The most threads that check payloads and read files at once, so that none of it blocks the caller's
    /// thread; above zero. They are started when there is work, and end after 10 s without. Default: 4.
    pub max_blocking_threads: usize,
    /// What checks payloads before they are queued. Default: nothing.
    pub preflight: Option<Arc<dyn Preflight>>,
    /// What knows the trace that a request belongs to. Default: nothing.
    pub trace_source: Option<Arc<dyn TraceSource>>,
    /// Something that has to live as long as the dispatcher, such as a worker beside it.
    pub companion: Option<Arc<dyn Any + Send + Sync>>,
}

impl DispatcherConfig {
    /// The longest caller, context or request id, in bytes.
    pub const MAX_LABEL_BYTES: usize = 256;

    /// The defaults, for that caller.
    ///
    /// # Errors
    /// If the id is empty, longer than [`MAX_LABEL_BYTES`](Self::MAX_LABEL_BYTES), or has control
    /// characters.
    pub fn new(caller_id: impl Into<Arc<str>>) -> Result<Self, Invalid> {
        Ok(Self {
            caller_id: label("caller_id", caller_id.into())?,
            default_timeout: Duration::from_secs(30),
            inspect_timeout: Duration::from_secs(1),
            max_script_bytes: 256 * 1024,
            max_args_bytes: 1024 * 1024,
            max_depth: 16,
            max_blocking_threads: 4,
            preflight: None,
            trace_source: None,
            companion: None,
        })
    }

    /// Sets [`caller_id`](Self::caller_id).
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn with_caller_id(mut self, caller_id: impl Into<Arc<str>>) -> Result<Self, Invalid> {
        self.caller_id = label("caller_id", caller_id.into())?;
        Ok(self)
    }

    /// Sets [`inspect_timeout`](Self::inspect_timeout).
    #[must_use]
    pub fn with_inspect_timeout(mut self, timeout: Duration) -> Self {
        self.inspect_timeout = timeout;
        self
    }

    /// Sets [`preflight`](Self::preflight).
    #[must_use]
    pub fn with_preflight(mut self, preflight: Arc<dyn Preflight>) -> Self {
        self.preflight = Some(preflight);
        self
    }

    /// Sets [`trace_source`](Self::trace_source).
    #[must_use]
    pub fn with_trace_source(mut self, trace_source: Arc<dyn TraceSource>) -> Self {
        self.trace_source = Some(trace_source);
        self
    }

    /// Sets [`companion`](Self::companion).
    #[must_use]
    pub fn with_companion(mut self, companion: Arc<dyn Any + Send + Sync>) -> Self {
        self.companion = Some(companion);
        self
    }
}

impl fmt::Debug for DispatcherConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatcherConfig")
            .field("caller_id", &self.caller_id)
            .field("default_timeout", &self.default_timeout)
            .field("max_script_bytes", &self.max_script_bytes)
            .field("max_args_bytes", &self.max_args_bytes)
            .field("preflight", &self.preflight)
            .finish_non_exhaustive()
    }
}

/// Checks a free-form id that the caller chose.
pub(super) fn label(field: &'static str, text: Arc<str>) -> Result<Arc<str>, Invalid> {
    let problem = if text.is_empty() {
        "is empty".to_owned()
    } else if text.len() > DispatcherConfig::MAX_LABEL_BYTES {
        format!("{} is longer than {} bytes", quoted(&text), DispatcherConfig::MAX_LABEL_BYTES)
    } else if text.chars().any(char::is_control) {
        format!("{} has a control character", quoted(&text))
    } else {
        return Ok(text);
    };
    Err(Invalid::new(field, problem, "use 1 to 256 bytes of printable text"))
}
