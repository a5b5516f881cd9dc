use std::collections::BTreeSet;

use crate::EngineConfig;
use crate::build_engine::build_parser;
use crate::script::function_names as names_of;

/// The names of all functions that scripts can call with a configuration: Rhai's, the engine's and those that were added.
///
/// ```
/// use rhai_dispatcher_engine::{EngineConfig, function_names};
///
/// let names = function_names(&EngineConfig::new());
/// assert!(names.contains("await_all") && names.contains("trim"));
/// ```
#[must_use]
pub fn function_names(config: &EngineConfig) -> BTreeSet<String> {
    names_of(&build_parser(config))
}

/// The names of all functions that Rhai itself has for scripts.
#[must_use]
pub fn rhai_function_names() -> BTreeSet<String> {
    names_of(&rhai::Engine::new())
}
