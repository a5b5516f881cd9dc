use std::any::TypeId;

use rhai::{Dynamic, Engine, Map, NativeCallContext};

use super::output::{Problem, encode};
use super::sizes::SizeLimits;
use crate::script::error::{LimitExceeded, NativeResult, Size, TooLarge};

/// The deepest nesting that is written.
const MAX_DEPTH: usize = 1_000;

/// Replaces Rhai's `to_json`, which takes maps only, writes what is not JSON for characters, functions and others, looks
/// at the size of its text when that is there, and has no end for a value that contains itself.
pub(crate) fn register(engine: &mut Engine) {
    let to_json = |context: NativeCallContext<'_>, arguments: &mut [&mut Dynamic]| match arguments {
        [value] => to_json(context.engine(), value),
        _ => Err("to_json: pass one value".into()),
    };
    // Rhai's own is for maps, and would be found before one for any type.
    engine.register_raw_fn("to_json", [TypeId::of::<Map>()], to_json);
    engine.register_raw_fn("to_json", [TypeId::of::<Dynamic>()], to_json);
}

fn to_json(engine: &Engine, value: &Dynamic) -> NativeResult<String> {
    let max_bytes = SizeLimits::of(engine).text();
    encode(value, max_bytes, MAX_DEPTH).map_err(|problem| match problem {
        Problem::TooLong => TooLarge::unknown(Size::Text).into(),
        Problem::TooDeep => LimitExceeded::fixed("the value is nested too deep", MAX_DEPTH).into(),
        Problem::Halted(halt) => halt.into(),
        Problem::NoForm { .. } => {
            let problem = problem.in_words("the value");
            format!("to_json: {problem}; leave it out, or make a text of it first").into()
        }
        Problem::Other(problem) => format!("to_json: {problem}").into(),
    })
}
