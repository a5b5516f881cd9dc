use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rhai_dispatcher_core::{Clock, TaskError, TaskErrorKind};

use crate::config::limit_name;
use crate::script::raise;

/// How long Rust code of a call may run: `max_wall_time`, from the first poll.
#[must_use = "the time is limited by polling this"]
pub struct CallTime {
    clock: Arc<dyn Clock>,
    max: Duration,
    timer: Option<BoxFuture<'static, ()>>,
}

impl CallTime {
    pub(crate) fn new(clock: &Arc<dyn Clock>, max: Duration) -> Self {
        Self { clock: Arc::clone(clock), max, timer: None }
    }

    /// Is ready when the time is over, with the error of the call.
    pub fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<TaskError> {
        let Self { clock, max, timer } = self;
        let timer = timer.get_or_insert_with(|| clock.sleep_until(clock.now() + *max));
        timer.poll_unpin(cx).map(|()| {
            let message = format!(
                "the method ran longer than the limit of {max:?}; {}",
                raise(limit_name!(max_wall_time))
            );
            TaskError::new(TaskErrorKind::Timeout, message)
        })
    }
}

impl fmt::Debug for CallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTime").field("max", &self.max).finish_non_exhaustive()
    }
}
