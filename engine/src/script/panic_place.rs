use std::panic::{self, AssertUnwindSafe};

use rhai::{NativeCallContext, Position};
use rhai_dispatcher_core::{TaskError, TaskErrorKind};

use super::ScriptRun;
use super::error::task_error;
use crate::call::Runtime;

/// Where a script called the function that panicked, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct PanicPlace {
    position: Option<Position>,
    /// The module whose code has made the call.
    module: Option<String>,
}

/// Calls `f`, which is called by the script at `context`. If it panics, the panic goes on, and the task's error will have the
/// line.
pub(crate) fn note_panics<T>(context: &NativeCallContext<'_>, f: impl FnOnce() -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => value,
        Err(panic) => {
            let module = context.call_source().filter(|source| !source.is_empty()).map(str::to_owned);
            let place = PanicPlace { position: Some(context.call_position()), module };
            ScriptRun::with_current(|run| run.note_panic(place));
            panic::resume_unwind(panic)
        }
    }
}

impl PanicPlace {
    /// The error of the task.
    pub(crate) fn error_of(self, message: String) -> TaskError {
        let message = format!("a native function panicked: {}", Runtime::explained(message));
        let position = self.position.unwrap_or(Position::NONE);
        match self.module {
            None => task_error(TaskErrorKind::Panic, message, position),
            // The line is one of another file than the script.
            Some(module) => {
                let line = position.line().map(|line| format!(", line {line}")).unwrap_or_default();
                TaskError::new(TaskErrorKind::Panic, format!("{message} (in module `{module}`{line})"))
            }
        }
    }
}
