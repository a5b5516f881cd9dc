use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use rhai::{AST, ParseError};
use rhai_dispatcher_core::{TaskError, TaskErrorKind};

use crate::EngineConfig;
use crate::script::{Modules, ScriptCache, build_engine, compile};

/// An engine of a lane, and what it has compiled.
#[derive(Debug)]
pub(crate) struct LaneEngine {
    pub(crate) rhai: rhai::Engine,
    pub(crate) modules: Modules,
    limits: EngineLimits,
    cache: RefCell<ScriptCache>,
}

/// The engines of one lane: its own, and those for tasks that lower limits which an engine has for all
/// that it runs.
#[derive(Debug)]
pub(crate) struct LaneEngines {
    own: Rc<LaneEngine>,
    /// All others that exist.
    lowered: RefCell<HashMap<EngineLimits, Weak<LaneEngine>>>,
    /// Those of them that were used last; more exist while scripts run on them.
    kept: RefCell<VecDeque<Rc<LaneEngine>>>,
}

/// The limits that Rhai reads from its engine, and other limits of the engine's configuration not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct EngineLimits([usize; 11]);

/// How many engines a lane keeps besides its own.
const MAX_KEPT: usize = 4;

/// How many it has besides its own while scripts run on them.
const MAX_LOWERED: usize = 64;

impl LaneEngine {
    /// `share`: of how many such engines it is one.
    fn new(config: &EngineConfig, share: usize) -> Rc<Self> {
        let cache = || ScriptCache::new(config.max_cached_scripts / share, config.max_cached_bytes / share);
        Rc::new(Self {
            rhai: build_engine(config),
            modules: Modules::new(config, cache()),
            limits: EngineLimits::of(config),
            cache: RefCell::new(cache()),
        })
    }

    /// The compiled form of a script.
    pub(crate) fn compiled(&self, source: &Arc<str>) -> Result<Rc<AST>, ParseError> {
        if let Some(ast) = self.cache.borrow_mut().get(source) {
            return Ok(ast);
        }
        let ast = Rc::new(compile(&self.rhai, source, false)?);
        self.cache.borrow_mut().insert(source, &ast);
        Ok(ast)
    }
}

impl LaneEngines {
    pub(crate) fn new(config: &EngineConfig) -> Self {
        Self { own: LaneEngine::new(config, 1), lowered: RefCell::default(), kept: RefCell::default() }
    }

    /// The lane's own.
    pub(crate) fn own(&self) -> &Rc<LaneEngine> {
        &self.own
    }

    /// How many there are besides the lane's own.
    fn count_lowered(&self) -> usize {
        let mut lowered = self.lowered.borrow_mut();
        lowered.retain(|_, engine| engine.strong_count() > 0);
        lowered.len()
    }

    /// One with the limits of `config`, which is the lane's own with some limits lowered.
    ///
    /// # Errors
    /// If scripts run under too many different limits.
    pub(crate) fn with_limits_of(&self, config: &EngineConfig) -> Result<Rc<LaneEngine>, TaskError> {
        let limits = EngineLimits::of(config);
        if limits == self.own.limits {
            return Ok(Rc::clone(&self.own));
        }
        let known = self.lowered.borrow().get(&limits).and_then(Weak::upgrade);
        let engine = match known {
            Some(engine) => engine,
            None => {
                if self.count_lowered() >= MAX_LOWERED {
                    // Scripts need the place more than those that are only kept.
                    drop(self.kept.take());
                }
                if self.count_lowered() >= MAX_LOWERED {
                    let message = format!(
                        "scripts run under {MAX_LOWERED} different sets of lowered limits on this lane already, which \
                         is the limit; ask for limits that others ask for too"
                    );
                    return Err(TaskError::new(TaskErrorKind::Limit, message));
                }
                // Not under a borrow: what an embedder set up runs in here.
                let engine = LaneEngine::new(config, MAX_KEPT);
                self.lowered.borrow_mut().insert(limits, Rc::downgrade(&engine));
                engine
            }
        };
        let mut kept = self.kept.borrow_mut();
        kept.retain(|other| !Rc::ptr_eq(other, &engine));
        kept.push_front(Rc::clone(&engine));
        let last = if kept.len() > MAX_KEPT { kept.pop_back() } else { None };
        drop(kept);
        drop(last); // it may drop what an embedder set up
        Ok(engine)
    }
}

impl EngineLimits {
    const fn of(config: &EngineConfig) -> Self {
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
