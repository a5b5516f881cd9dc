use std::fmt;

use tracing::Span;

use crate::{Claimed, Finish, TraceContext};

/// Takes part in the traces of a worker's tasks, such as an exporter of their spans.
///
/// It is called on the lanes' threads, and must not block. It hears nothing of a task whose span is disabled.
pub trait TaskTracer: fmt::Debug + Send + Sync {
    /// A run of a task begins, whose log lines and spans belong to `span`. Returns the context of the run, which the
    /// children of the task get, and the requests that it sends; none: they get the task's own.
    fn begin(&self, claimed: &Claimed, span: &Span) -> Option<TraceContext>;

    /// The run ends so; the span closes after this.
    fn end(&self, span: &Span, finish: &Finish);
}
