use std::sync::Arc;

use rhai::{AST, Dynamic, Engine, EvalAltResult, Scope};
use rhai_dispatcher_core::{Payload, TaskError, TaskErrorKind};

use super::bind::{Bound, bind};
use super::tick::catch;
use super::{FunctionCall, ScriptRun};

/// The text that a task runs.
///
/// # Errors
/// If it runs none.
pub(crate) fn source_of(run: &ScriptRun) -> Result<&Arc<str>, TaskError> {
    match (run.call(), &run.task().payload) {
        (None, Payload::Script { source, .. }) => Ok(source),
        (Some(call), _) => Ok(&call.script),
        (None, Payload::Call { method }) => {
            let message = format!(
                "this worker has no methods, and the task calls `{method}`; start the worker with a handler, or with \
                 `rhaid worker --handlers DIR`"
            );
            Err(TaskError::new(TaskErrorKind::UnknownMethod, message))
        }
        _ => {
            let message = "this worker runs scripts and calls only";
            Err(TaskError::new(TaskErrorKind::Unsupported, message))
        }
    }
}

/// Runs a compiled script for its value, or calls the function that the task is for.
///
/// # Errors
/// If there is no such function, or its parameters are others.
pub(crate) fn evaluate(
    engine: &Engine,
    ast: &AST,
    run: &ScriptRun,
    variables: &mut Scope<'_>,
) -> Result<Result<Dynamic, Box<EvalAltResult>>, TaskError> {
    let Some(FunctionCall { function, params, .. }) = run.call() else {
        return Ok(catch(|| engine.eval_ast_with_scope(variables, ast)));
    };
    let Bound { values, position } = bind(ast, function, params)?;
    let ended = catch(|| engine.call_fn(variables, ast, function, values));
    // Rhai has errors that end the script happen where the function was called, which is nowhere.
    Ok(ended.map_err(|mut error| {
        if error.position().is_none() {
            error.set_position(position);
        }
        error
    }))
}
