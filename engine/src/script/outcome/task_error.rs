use rhai::{Dynamic, EvalAltResult, LexError, ParseError, ParseErrorType, Position};
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};

use super::in_use::in_use;
use crate::EngineConfig;
use crate::call::{CallError, MAX_MESSAGE, Runtime};
use crate::config::limit_name;
use crate::script::error::{LimitExceeded, Size, TooLarge, exceeded, raise};
use crate::script::run::{End, PanicPlace};
use crate::script::value::{error_text, output};

/// The error of a script that is longer than allowed.
pub(crate) fn too_long(bytes: usize, config: &EngineConfig) -> TaskError {
    let (limit, raise) = (config.limits.max_script_bytes, raise(limit_name!(max_script_bytes)));
    let message = format!("the script has {bytes} bytes, more than the limit of {limit}; {raise}");
    TaskError::new(TaskErrorKind::Limit, message)
}

/// The error of a script that does not parse.
pub(crate) fn parse_error(error: &ParseError, config: &EngineConfig) -> TaskError {
    syntax_error(error.err_type(), error.position(), config)
}

fn syntax_error(error: &ParseErrorType, position: Position, config: &EngineConfig) -> TaskError {
    let limit = match error {
        ParseErrorType::ExprTooDeep => Some(format!(
            "{error} (limits: {} levels, {} in functions); {}; in functions, {}",
            config.limits.max_expr_depth,
            config.limits.max_function_expr_depth,
            raise(limit_name!(max_expr_depth)),
            raise(limit_name!(max_function_expr_depth)),
        )),
        ParseErrorType::TooManyFunctions => Some(exceeded(
            "too many functions and closures",
            limit_name!(max_functions),
            config.limits.max_functions,
        )),
        ParseErrorType::LiteralTooLarge(what, _) => Some(Size::named(what).literal_message(&config.limits)),
        // Only `ParseGuard` has such an error.
        ParseErrorType::BadInput(LexError::Runtime(message)) => Some(message.clone()),
        _ => None,
    };
    match limit {
        Some(message) => task_error(TaskErrorKind::Limit, message, position),
        None => task_error(TaskErrorKind::Parse, error.to_string(), position),
    }
}

/// The error in which a run ended. `end` is why the script was ended, if it was.
pub(crate) fn run_error(error: EvalAltResult, end: Option<End>, config: &EngineConfig) -> TaskError {
    let mut error = Box::new(error);
    let mut position = error.position();
    let mut calls = String::new();
    let mut module = None;
    loop {
        error = match *error {
            EvalAltResult::ErrorInFunctionCall(name, source, inner, _) => {
                calls.push_str(&in_call(&name));
                // Only modules have a source.
                if !source.is_empty() {
                    module = Some((source, module.map_or(position, |(_, at)| at)));
                }
                inner
            }
            EvalAltResult::ErrorInModule(name, inner, _) => {
                module = Some((name, module.map_or(position, |(_, at)| at)));
                inner
            }
            other => {
                *error = other;
                break;
            }
        };
        if !error.position().is_none() {
            position = error.position();
        }
    }
    error.clear_position();
    match module {
        None => at_its_place(*error, position, &calls, end, config),
        // Of two files, the one that its reader sent is where it is shown.
        Some((module, imported_at)) => {
            let line = position.line().map(|line| format!(", line {line}")).unwrap_or_default();
            let mut error = at_its_place(*error, imported_at, &calls, end, config);
            error.message.push_str(&format!(" (in module `{module}`{line})"));
            error
        }
    }
}

/// The error of a task whose script called a function that panicked; `place` is where, if it is known.
pub(crate) fn panic_error(message: String, place: Option<PanicPlace>) -> TaskError {
    let message = format!("a native function panicked: {}", Runtime::explained(message));
    match place {
        None => TaskError::new(TaskErrorKind::Panic, message),
        Some(PanicPlace { position, module: None }) => task_error(TaskErrorKind::Panic, message, position),
        // The line is one of another file than the script.
        Some(PanicPlace { position, module: Some(module) }) => {
            let line = position.line().map(|line| format!(", line {line}")).unwrap_or_default();
            TaskError::new(TaskErrorKind::Panic, format!("{message} (in module `{module}`{line})"))
        }
    }
}

fn at_its_place(
    error: EvalAltResult,
    position: Position,
    calls: &str,
    end: Option<End>,
    config: &EngineConfig,
) -> TaskError {
    let limit = |message: String| task_error(TaskErrorKind::Limit, message, position);
    match error {
        EvalAltResult::ErrorTerminated(..) => match end {
            Some(End::TimedOut) => {
                let (max, raise) = (config.limits.max_wall_time, raise(limit_name!(max_wall_time)));
                let message = format!("the script ran longer than the limit of {max:?}; {raise}");
                task_error(TaskErrorKind::Timeout, message, position)
            }
            Some(End::OutOfTime) => {
                let (max, raise) = (config.limits.max_cpu_time, raise(limit_name!(max_cpu_time)));
                limit(format!(
                    "the script computed longer than the limit of {max:?} of processor time; {raise}"
                ))
            }
            Some(End::OutOfOperations) => limit(exceeded(
                "too many operations",
                limit_name!(max_operations),
                config.limits.max_operations,
            )),
            Some(End::OutOfStack) => {
                let max = config.stack_bytes();
                limit(format!(
                    "the script used up its stack of {max} bytes; raise stack_size with \
                     `EngineConfig::with_stack_size`"
                ))
            }
            Some(End::OutOfMemory) => {
                let (max, raise) = (config.limits.max_memory, raise(limit_name!(max_memory)));
                limit(format!("the script used more memory than the limit of {max} bytes; {raise}"))
            }
            Some(End::TooLarge(too_large)) => limit(too_large.message(&config.limits)),
            Some(End::Stopped) | None => {
                task_error(TaskErrorKind::Runtime, "the script was terminated".to_owned(), position)
            }
        },
        EvalAltResult::ErrorTooManyVariables(_) => {
            limit(exceeded("too many variables", limit_name!(max_variables), config.limits.max_variables))
        }
        EvalAltResult::ErrorStackOverflow(_) => {
            let max = format_args!("{} levels", config.limits.max_call_levels).to_string();
            limit(exceeded("function calls are nested too deep", limit_name!(max_call_levels), max))
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => limit(match LimitExceeded::message_of(&what) {
            Some(message) => message.to_owned(),
            None => TooLarge::of_error(&what).message(&config.limits),
        }),
        EvalAltResult::ErrorTooManyModules(_) => limit(exceeded(
            "too many imports of modules",
            limit_name!(max_modules),
            config.limits.max_modules,
        )),
        EvalAltResult::ErrorDataRace(what, _) => {
            task_error(TaskErrorKind::Runtime, in_use(&what) + calls, position)
        }
        EvalAltResult::ErrorParsing(error, _) => syntax_error(&error, position, config),
        EvalAltResult::ErrorRuntime(value, _) => {
            task_error(TaskErrorKind::Runtime, thrown(&value) + calls, position)
                .with_value(thrown_json(&value, config.limits.max_output_bytes))
        }
        error => task_error(TaskErrorKind::Runtime, error.to_string() + calls, position),
    }
}

/// What a script threw, as text.
fn thrown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "the script threw an error".to_owned();
    }
    // What went wrong is in the message.
    if let Ok(map) = value.as_map_ref()
        && let Some(text) = CallError::text_of(&map)
    {
        return text;
    }
    error_text(value)
}

/// What a script threw, as JSON, if there is more to it than the message. Of what a call threw, its `value`.
fn thrown_json(thrown: &Dynamic, max_bytes: usize) -> Option<Json> {
    let json = |value: &Dynamic| match value.is_unit() {
        true => None,
        false => output(value, max_bytes).ok().map(|output| output.as_json().clone()),
    };
    let Ok(map) = thrown.as_map_ref() else { return json(thrown) };
    match map.get("value") {
        Some(value) if CallError::is_shape(&map) => {
            json(value).or_else(|| (!CallError::is_only_message(&map)).then(|| json(thrown)).flatten())
        }
        _ => json(thrown),
    }
}

fn in_call(name: &str) -> String {
    // Rhai's own name for closures; it is not for the eyes of a reader.
    if name.starts_with("anon$") { " (in a closure)".to_owned() } else { format!(" (in function `{name}`)") }
}

fn task_error(kind: TaskErrorKind, mut message: String, position: Position) -> TaskError {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    at(TaskError::new(kind, message), position)
}

/// The same error, at that place in the script.
pub(crate) fn at(error: TaskError, position: Position) -> TaskError {
    let number = |number: Option<usize>| number.and_then(|number| u32::try_from(number).ok());
    error.at(number(position.line()), number(position.position()))
}
