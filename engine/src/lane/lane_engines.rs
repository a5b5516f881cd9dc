use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::{Rc, Weak};

use rhai_dispatcher_core::{TaskError, TaskErrorKind};

use crate::EngineConfig;
use crate::build_engine::build_engine;
use crate::config::ScriptLimits;
use crate::script::LaneEngine;

/// The engines of one lane: its own, and those for tasks that lower limits which an engine has for all
/// that it runs.
#[derive(Debug)]
pub(super) struct LaneEngines {
    own: Rc<LaneEngine>,
    /// All others that exist.
    lowered: RefCell<HashMap<ScriptLimits, Weak<LaneEngine>>>,
    /// Those of them that were used last; more exist while scripts run on them.
    kept: RefCell<VecDeque<Rc<LaneEngine>>>,
}

/// How many engines a lane keeps besides its own.
const MAX_KEPT: usize = 4;

/// How many it has besides its own while scripts run on them.
const MAX_LOWERED: usize = 64;

impl LaneEngines {
    pub(super) fn new(config: &EngineConfig) -> Self {
        Self { own: build(config, 1), lowered: RefCell::default(), kept: RefCell::default() }
    }

    /// The lane's own.
    pub(super) fn own(&self) -> &Rc<LaneEngine> {
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
    pub(super) fn with_limits_of(&self, config: &EngineConfig) -> Result<Rc<LaneEngine>, TaskError> {
        let limits = config.limits.kept_by_engine();
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
                let engine = build(config, MAX_KEPT);
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

/// `share`: of how many engines it is one that share a cache of the configured size.
fn build(config: &EngineConfig, share: usize) -> Rc<LaneEngine> {
    Rc::new(LaneEngine::new(build_engine(config), config, share))
}
