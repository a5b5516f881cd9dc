use std::time::Duration;

use crate::AllowedHost;

/// The permissions and limits of calls over HTTP.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpConfig {
    /// The hosts that may be called although their addresses are not public, and to which secrets
    /// may be sent in headers; empty by default.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Default timeout of a call, retries and redirects included; 30 s.
    pub timeout: Duration,
    /// Limit on the timeout that a call may set, and on the time of a call with its wait for a free slot;
    /// 5 minutes.
    pub max_timeout: Duration,
    /// Timeout of connecting; 10 s.
    pub connect_timeout: Duration,
    /// Default number of retries of a call that may be repeated; 2.
    pub retries: u32,
    /// Limit on the retries that a call may set; 5.
    pub max_retries: u32,
    /// The pause before the first retry; it doubles with each, and a random part of it is left out;
    /// 200 ms.
    pub backoff: Duration,
    /// The longest pause before a retry; 10 s. If a server asks for a longer pause with Retry-After, the call is
    /// not retried and the script gets the answer.
    pub max_backoff: Duration,
    /// The most redirects that a call follows; a call may set fewer; 5.
    pub max_redirects: u32,
    /// The longest body of an answer, in bytes; 512 KiB, like the longest string of a script.
    pub max_response_bytes: usize,
    /// Limit on the memory of all answers together while they are read, in bytes; 256 MiB.
    pub max_buffered_bytes: usize,
    /// The longest body that is sent, in bytes; 1 MiB.
    pub max_request_bytes: usize,
    /// The longest headers of an answer, and of a call, all together, in bytes; 32 KiB.
    pub max_header_bytes: usize,
    /// The most headers of an answer; 100.
    pub max_headers: usize,
    /// Limit on concurrent calls, on all lanes together; 10,000. Further calls wait. Each call takes a file
    /// descriptor.
    pub max_concurrent: usize,
    /// Limit on concurrent look-ups of names; 64. Each look-up takes a thread.
    pub max_lookups: usize,
    /// The most unused connections that are kept for each host; 100.
    pub max_idle_per_host: usize,
    /// How long an unused connection is kept; 30 s.
    pub idle_timeout: Duration,
    /// Whether calls of scripts send the trace context of their task to the host, in the headers `traceparent` and
    /// `tracestate`; false. A redirect to another server leaves them out, and a header that the script sets is kept.
    pub trace_context: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            timeout: Duration::from_secs(30),
            max_timeout: Duration::from_secs(5 * 60),
            connect_timeout: Duration::from_secs(10),
            retries: 2,
            max_retries: 5,
            backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(10),
            max_redirects: 5,
            max_response_bytes: 512 * 1024,
            max_buffered_bytes: 256 * 1024 * 1024,
            max_request_bytes: 1024 * 1024,
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_concurrent: 10_000,
            max_lookups: 64,
            max_idle_per_host: 100,
            idle_timeout: Duration::from_secs(30),
            trace_context: false,
        }
    }
}

/// A consuming setter for each field.
macro_rules! setters {
    ($($with:ident: $field:ident, $type:ty;)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $with(mut self, $field: $type) -> Self {
                self.$field = $field;
                self
            }
        )*
    };
}

impl HttpConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host to [`allowed_hosts`](Self::allowed_hosts).
    #[must_use]
    pub fn with_allowed_host(mut self, host: AllowedHost) -> Self {
        self.allowed_hosts.push(host);
        self
    }

    setters! {
        with_timeout: timeout, Duration;
        with_max_timeout: max_timeout, Duration;
        with_connect_timeout: connect_timeout, Duration;
        with_retries: retries, u32;
        with_max_retries: max_retries, u32;
        with_backoff: backoff, Duration;
        with_max_backoff: max_backoff, Duration;
        with_max_redirects: max_redirects, u32;
        with_max_response_bytes: max_response_bytes, usize;
        with_max_buffered_bytes: max_buffered_bytes, usize;
        with_max_request_bytes: max_request_bytes, usize;
        with_max_header_bytes: max_header_bytes, usize;
        with_max_headers: max_headers, usize;
        with_max_concurrent: max_concurrent, usize;
        with_max_lookups: max_lookups, usize;
        with_max_idle_per_host: max_idle_per_host, usize;
        with_idle_timeout: idle_timeout, Duration;
        with_trace_context: trace_context, bool;
    }
}
