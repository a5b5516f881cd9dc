use rhai::{Dynamic, EvalAltResult};

use crate::EngineConfig;
use crate::script::{ScriptRun, Size, raise};

/// The deepest nesting of an answer, as for results and arguments.
const MAX_DEPTH: usize = 127;

/// Checks that the script may hold what a call answers. Rhai would end the script otherwise, which can't
/// help what others answer.
///
/// # Errors
/// The message of what the script catches in the answer's place, an error of kind `too_large`. It names the setting.
pub(crate) fn check_reply(run: &ScriptRun, value: &Dynamic) -> Result<(), String> {
    match visit(value, 0) {
        Ok(()) => {}
        Err(Odd::Shared) => return Ok(()), // not of a remote answer; Rhai does not look into it either
        Err(Odd::TooDeep) => {
            return Err(too_large(&format!("it is nested more than {MAX_DEPTH} levels deep")));
        }
    }
    let checked = run.engine().map(|lane| lane.rhai.ensure_data_size_within_limits(value));
    checked.unwrap_or(Ok(())).map_err(|error| too_large(&problem(&error, run.config())))
}

/// Why Rhai does not take part in a value.
enum Odd {
    TooDeep,
    Shared,
}

fn visit(value: &Dynamic, depth: usize) -> Result<(), Odd> {
    if value.is_shared() {
        return Err(Odd::Shared);
    }
    let children = |mut values: &mut dyn Iterator<Item = &Dynamic>| match depth < MAX_DEPTH {
        true => Iterator::try_for_each(&mut values, |value| visit(value, depth + 1)),
        false => Err(Odd::TooDeep),
    };
    if let Ok(array) = value.as_array_ref() {
        return children(&mut array.iter());
    }
    match value.as_map_ref() {
        Ok(map) => children(&mut map.values()),
        Err(_) => Ok(()),
    }
}

/// What Rhai says, with the setting.
fn problem(error: &EvalAltResult, config: &EngineConfig) -> String {
    let EvalAltResult::ErrorDataTooLarge(what, _) = error else { return error.to_string() };
    let size = Size::named(what);
    let (setting, limit) = size.limit(&config.limits);
    let unit = size.unit();
    format!("it has more {unit} than {setting}, which is {limit}; ask for less, or {}", raise(setting))
}

fn too_large(problem: &str) -> String {
    format!("the answer is too large for the script: {problem}")
}
