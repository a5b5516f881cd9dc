use tracing::level_filters::LevelFilter;
use tracing::{Span, dispatcher, span};

use super::SPAN_TARGET;
use crate::Claimed;

/// The span of one run of a task. Log lines that are written while the run is polled belong to it.
pub(super) struct TaskSpan {
    span: Span,
    /// Spans that the run has entered and not left when it was suspended, the outer ones first.
    held: Vec<Span>,
}

/// Of more spans that a run holds while it is suspended, the outer ones stay on the thread.
const MAX_HELD: usize = 64;

impl TaskSpan {
    /// A span without a parent: what happens to be entered on the lane's thread is not the cause of the run. It costs a
    /// comparison if it is disabled.
    pub(super) fn new(claimed: &Claimed) -> Self {
        let task = &claimed.task;
        let span = tracing::info_span!(
            target: SPAN_TARGET,
            parent: None,
            "task",
            task = %claimed.claim.task,
            worker_id = %task.worker_id,
            caller = &*task.caller_id,
            script = task.payload.label(),
            delivery = claimed.claim.delivery,
            trace_id = task.trace.as_ref().map(|trace| trace.trace_id_text()),
        );
        Self { span, held: Vec::new() }
    }

    /// The span, if it is enabled.
    pub(super) fn enabled(&self) -> Option<&Span> {
        (!self.span.is_disabled()).then_some(&self.span)
    }

    /// Calls `poll`, which must not panic, in the span.
    ///
    /// A script is suspended in the middle of its stack, so a function that it has called may have entered a span that it
    /// leaves only after the script was resumed. The subscriber keeps a stack of entered spans for each thread. There such a
    /// span would lie between the polls, under the spans of other tasks: the lane's own lines would belong to it, and after
    /// the resumption the run's lines would not. It is therefore left here, and entered again at the next poll.
    pub(super) fn in_scope<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        // Without a subscriber no span is ever entered.
        if LevelFilter::current() == LevelFilter::OFF {
            return poll();
        }
        let _entered = self.span.enter();
        let own = current_span();
        for span in self.held.drain(..) {
            span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
        }
        let polled = poll();
        while self.held.len() < MAX_HELD && current_span() != own {
            let inner = Span::current();
            if inner.with_subscriber(|(id, dispatch)| dispatch.exit(id)).is_none() {
                break; // it is the subscriber's own affair
            }
            self.held.push(inner);
        }
        self.held.reverse();
        polled
    }
}

/// The innermost span that is entered on this thread.
fn current_span() -> Option<span::Id> {
    dispatcher::get_default(|dispatch| dispatch.current_span().id().cloned())
}
