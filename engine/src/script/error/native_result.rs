use rhai::{EvalAltResult, Position};

/// What a native function answers to a script.
pub(crate) type NativeResult<T> = Result<T, Box<EvalAltResult>>;

/// The error of a value that is larger than a script may have, as Rhai's own limits have it: `what` is Rhai's name of
/// it. No `try` catches it.
pub(crate) fn too_large(what: &str) -> Box<EvalAltResult> {
    EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE).into()
}
