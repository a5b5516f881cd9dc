use std::cell::RefCell;

use super::script_cache::ScriptCache;
use crate::EngineConfig;

/// An engine of a lane, and what it has compiled.
#[derive(Debug)]
pub(crate) struct LaneEngine {
    pub(crate) rhai: rhai::Engine,
    /// The limits that it keeps.
    pub(crate) limits: EngineLimits,
    /// The compiled forms of scripts.
    pub(crate) scripts: RefCell<ScriptCache>,
    /// Those of modules, by their text; each knows its name.
    pub(crate) modules: RefCell<ScriptCache>,
}

/// The limits that Rhai reads from its engine, and other limits of the engine's configuration not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EngineLimits([usize; 11]);

impl LaneEngine {
    /// `rhai`: built for `config`. `share`: of how many engines it is one that share a cache of the configured size.
    pub(crate) fn new(rhai: rhai::Engine, config: &EngineConfig, share: usize) -> Self {
        let cache = || {
            RefCell::new(ScriptCache::new(config.max_cached_scripts / share, config.max_cached_bytes / share))
        };
        Self { rhai, limits: EngineLimits::of(config), scripts: cache(), modules: cache() }
    }
}

impl EngineLimits {
    pub(crate) const fn of(config: &EngineConfig) -> Self {
        Self([
            config.max_call_levels,
            config.max_expr_depth,
            config.max_function_expr_depth,
            config.max_functions,
            config.max_variables,
            config.max_arguments,
            config.max_string_bytes,
            config.max_array_size,
            config.max_map_size,
            config.max_map_literal,
            config.max_modules,
        ])
    }
}
