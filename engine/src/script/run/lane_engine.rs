use std::cell::RefCell;

use super::script_cache::ScriptCache;
use crate::EngineConfig;
use crate::config::ScriptLimits;

/// An engine of a lane, and what it has compiled.
#[derive(Debug)]
pub(crate) struct LaneEngine {
    pub(crate) rhai: rhai::Engine,
    /// Those that it keeps; see [`ScriptLimits::kept_by_engine`].
    pub(crate) limits: ScriptLimits,
    /// The compiled forms of scripts.
    pub(crate) scripts: RefCell<ScriptCache>,
    /// Those of modules, by their text; each knows its name.
    pub(crate) modules: RefCell<ScriptCache>,
}

impl LaneEngine {
    /// `rhai`: built for `config`. `share`: of how many engines it is one that share a cache of the configured size.
    pub(crate) fn new(rhai: rhai::Engine, config: &EngineConfig, share: usize) -> Self {
        let cache = || {
            RefCell::new(ScriptCache::new(config.max_cached_scripts / share, config.max_cached_bytes / share))
        };
        Self { rhai, limits: config.limits.kept_by_engine(), scripts: cache(), modules: cache() }
    }
}
