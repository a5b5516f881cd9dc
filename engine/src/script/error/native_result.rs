use rhai::EvalAltResult;

/// What a native function answers to a script.
pub(crate) type NativeResult<T> = Result<T, Box<EvalAltResult>>;
