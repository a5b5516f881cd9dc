use std::panic::{self, AssertUnwindSafe};

use rhai::{AST, Dynamic, EvalAltResult, Position, Scope};
use rhai_dispatcher_core::{Output, Payload, TaskError, TaskErrorKind};

use super::lane_resources::LaneResources;
use crate::memory::uncharged;
use crate::script::{
    Bound, FunctionCall, Known, LaneEngine, ScriptRun, at, bind, catch, compile_script, dismantle, hint,
    output, parse_error, place_in_use, run_error, too_long,
};

/// Runs one script to its end, on its fiber. Its values are dropped on the fiber's stack,
/// which is large enough for deep ones.
pub(super) fn run_script(lane: &LaneResources, run: &ScriptRun) -> Result<Output, TaskError> {
    let source = match (run.call(), &run.task().payload) {
        (None, Payload::Script { source, .. }) => source,
        (Some(call), _) => &call.script,
        (None, Payload::Call { method }) => {
            let message = format!(
                "this worker has no methods, and the task calls `{method}`; start the worker with a handler, or with \
                 `rhaid worker --handlers DIR`"
            );
            return Err(TaskError::new(TaskErrorKind::UnknownMethod, message));
        }
        _ => {
            let message = "this worker runs scripts and calls only";
            return Err(TaskError::new(TaskErrorKind::Unsupported, message));
        }
    };
    if run.end().is_some() {
        let message = "stopped before it began";
        return Err(TaskError::new(TaskErrorKind::Runtime, message));
    }
    lane.check()?;
    let config = run.config();
    if source.len() > config.limits.max_script_bytes {
        return Err(too_long(source.len(), config));
    }
    // They are the lane's, and bounded by the lengths of scripts and the number of engines.
    let engine = uncharged(|| lane.engine_for(config))?;
    run.set_engine(&engine);
    let ast = uncharged(|| compile_script(&engine, source)).map_err(|error| match run.made_to_end() {
        // Not the script's error: it was stopped while it was parsed.
        Some(end) => run_error(terminated(error.position()), Some(end), config),
        None => parse_error(&error, config),
    })?;
    run.meter().limit_operations(config.limits.max_operations);
    run.note_source(source);
    let mut variables = Scope::new();
    let evaluation = AssertUnwindSafe(|| evaluate(run, &engine, &ast, &mut variables));
    let ended = panic::catch_unwind(evaluation);
    // Also after a panic of a native function: what the closures hold would else never be freed.
    dismantle(run.captured().empty(), variables);
    ended.unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Evaluates a compiled script, or the function that it is called for, up to the outcome.
fn evaluate(
    run: &ScriptRun,
    engine: &LaneEngine,
    ast: &AST,
    variables: &mut Scope<'_>,
) -> Result<Output, TaskError> {
    let ended = match run.call() {
        None => catch(|| engine.rhai.eval_ast_with_scope::<Dynamic>(variables, ast)),
        Some(FunctionCall { function, params, .. }) => {
            let Bound { values, position } = bind(ast, function, params)?;
            let ended = catch(|| engine.rhai.call_fn::<Dynamic>(variables, ast, function, values));
            // Rhai has errors that end the script happen where the function was called, which is nowhere.
            ended.map_err(|mut error| {
                if error.position().is_none() {
                    error.set_position(position);
                }
                error
            })
        }
    };
    outcome(run, ended, &Known { engine: &engine.rhai, ast, docs: run.config().docs(), variables })
}

/// The outcome of a script that has run to its end.
fn outcome(
    run: &ScriptRun,
    ended: Result<Dynamic, Box<EvalAltResult>>,
    known: &Known<'_>,
) -> Result<Output, TaskError> {
    let config = run.config();
    // Whatever the script made of its end, it is not its outcome. Rhai's `sort` even swallows the error of its
    // callback, and may be the last that a script does.
    if let Some(end) = run.made_to_end() {
        let error = match ended {
            Err(error) if matches!(error.unwrap_inner(), EvalAltResult::ErrorTerminated(..)) => *error,
            Err(error) => terminated(error.position()),
            Ok(_) => terminated(Position::NONE),
        };
        return Err(run_error(error, Some(end), config));
    }
    // What becomes of its result, or of what it threw, counts as time of the script, and not as its operations.
    run.meter().limit_operations(0);
    let ended = match ended {
        Ok(value) => output(&value, config.limits.max_output_bytes),
        Err(error) => {
            let hint = hint(&error, known).unwrap_or_default();
            let place = place_in_use(&error, known.ast);
            let mut error = run_error(*error, None, config);
            error.message.push_str(&hint);
            Err(match place {
                Some(place) => at(error, place),
                None => error,
            })
        }
    };
    ended.map_err(|error| match run.made_to_end() {
        Some(end) => run_error(terminated(Position::NONE), Some(end), config),
        None => error,
    })
}

/// What Rhai answers when a script is made to end.
fn terminated(position: Position) -> EvalAltResult {
    EvalAltResult::ErrorTerminated(Dynamic::UNIT, position)
}
