use std::sync::Arc;

use rhai::{Dynamic, EvalContext, ImmutableString};

use crate::script::run::ScriptRun;

/// The value of a constant that every script can read, also in its functions; `None` for any
/// other name, and for one that the script has defined itself.
///
/// Resolved when a script runs, not when it is compiled: the compiled form is shared by tasks of
/// different callers.
pub(crate) fn resolve(
    name: &str,
    index: usize,
    context: &EvalContext<'_, '_, '_, '_, '_, '_>,
) -> Option<Dynamic> {
    // The parser knows where the variable is: it is the script's own.
    if index > 0 {
        return None;
    }
    let value = Constant::named(name)?;
    if context.scope().contains(name) {
        return None;
    }
    ScriptRun::with_current(|run| value.of(run))
}

/// The arguments of the task whose script runs.
pub(crate) fn current_args() -> Option<Dynamic> {
    ScriptRun::with_current(|run| Constant::Args.of(run))
}

enum Constant {
    WorkerId,
    CallerId,
    ContextId,
    TaskId,
    Delivery,
    Args,
}

impl Constant {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "worker_id" | "WORKER_ID" => Self::WorkerId,
            "caller_id" | "CALLER_ID" => Self::CallerId,
            "context_id" | "CONTEXT_ID" => Self::ContextId,
            "task_id" | "TASK_ID" => Self::TaskId,
            "delivery" | "DELIVERY" => Self::Delivery,
            "args" | "ARGS" => Self::Args,
            _ => return None,
        })
    }

    fn of(&self, run: &ScriptRun) -> Dynamic {
        let task = run.task();
        match self {
            Self::WorkerId => text(task.worker_id.as_str()),
            Self::CallerId => text(&task.caller_id),
            Self::ContextId => task.context_id.as_ref().map_or(Dynamic::UNIT, |id: &Arc<str>| text(id)),
            Self::TaskId => ImmutableString::from(task.id.to_string()).into(),
            Self::Delivery => rhai::INT::from(run.delivery()).into(),
            Self::Args => run.args(),
        }
    }
}

fn text(text: &str) -> Dynamic {
    ImmutableString::from(text).into()
}
