use rhai::EvalAltResult;

use crate::call::CallError;

/// The kind of an error about a request that has not ended.
pub(super) const NOT_READY: &str = "not_ready";
/// The kind of an error about an id that is not of a request whose result can be fetched.
pub(super) const UNKNOWN: &str = "not_found";

/// The error about a result that was kept for too long.
pub(super) fn not_fetched() -> Box<EvalAltResult> {
    CallError::new(UNKNOWN, "the request's result was not fetched in time").into()
}
