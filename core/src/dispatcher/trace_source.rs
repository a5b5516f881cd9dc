use std::fmt;

use crate::TraceContext;

/// Knows the trace that the caller of a dispatcher takes part in.
pub trait TraceSource: fmt::Debug + Send + Sync {
    /// The trace context that is active on this thread. Asked when a request is begun; must not block.
    fn current(&self) -> Option<TraceContext>;
}
