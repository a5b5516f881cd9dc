use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use rhai_dispatcher_core::{Invalid, Task, TaskError, TaskErrorKind};

use super::admission::Admission;
use super::lane_engines::LaneEngines;
use super::run_slot::RunSlot;
use crate::EngineConfig;
use crate::fiber::{StackPool, StackSize};
use crate::metrics::ScriptMetrics;
use crate::script::LaneEngine;

/// What the scripts of one lane share: engines, with compiled scripts and modules, stacks, the run slot, and figures.
#[derive(Debug)]
pub(crate) struct LaneResources {
    engines: LaneEngines,
    config: Rc<EngineConfig>,
    stacks: StackPool,
    /// What operations leave of each stack; `Err` if the configuration is refused.
    stack_reserve: Result<usize, Invalid>,
    run_slot: Rc<RunSlot>,
    admission: Rc<Admission>,
    metrics: ScriptMetrics,
    /// How many accounts of scripts are not settled.
    accounts: Arc<AtomicUsize>,
}

impl LaneResources {
    pub(crate) fn new(config: EngineConfig) -> Self {
        let stack = StackSize::of(config.stack_size, config.limits.max_memory);
        // A configuration that is refused runs no script, but its errors.
        let stack_size = stack.as_ref().map_or(config.stack_size, |stack| stack.total);
        let stacks = StackPool::new(stack_size, config.max_pooled_stacks);
        let run_slot = Rc::default();
        Self {
            stack_reserve: stack.map(|stack| stack.reserve),
            engines: LaneEngines::new(&config),
            admission: Rc::new(Admission::new(&config, &stacks, &run_slot)),
            stacks,
            run_slot,
            metrics: ScriptMetrics::new(),
            accounts: Arc::default(),
            config: Rc::new(config),
        }
    }

    /// How many scripts there is room for.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<NonZeroUsize> {
        self.admission.poll_room(cx)
    }

    /// How many scripts compute, or could.
    pub(crate) fn computing(&self) -> usize {
        self.admission.computing()
    }

    /// How many accounts of scripts are not settled.
    pub(crate) fn accounts(&self) -> &Arc<AtomicUsize> {
        &self.accounts
    }

    /// How a task is run: as the lane is configured, but for limits that the task lowers.
    pub(crate) fn config_for(&self, task: &Task) -> Rc<EngineConfig> {
        match &task.limits {
            None => Rc::clone(&self.config),
            Some(limits) => Rc::new(self.config.lowered(limits)),
        }
    }

    /// The engine for a task that is run with `config`, as [`config_for`](Self::config_for) returned it.
    ///
    /// # Errors
    /// If scripts run under too many different limits.
    pub(super) fn engine_for(&self, config: &Rc<EngineConfig>) -> Result<Rc<LaneEngine>, TaskError> {
        match Rc::ptr_eq(config, &self.config) {
            true => Ok(Rc::clone(self.engines.own())),
            false => self.engines.with_limits_of(config),
        }
    }

    /// # Errors
    /// If no script can run with the lane's configuration.
    pub(super) fn check(&self) -> Result<(), TaskError> {
        match &self.stack_reserve {
            Ok(_) => Ok(()),
            Err(invalid) => Err(TaskError::new(TaskErrorKind::Unsupported, invalid.to_string())),
        }
    }

    pub(super) fn stacks(&self) -> &StackPool {
        &self.stacks
    }

    /// What operations leave of each stack, in bytes.
    pub(super) fn stack_reserve(&self) -> usize {
        self.stack_reserve.as_ref().copied().unwrap_or_default()
    }

    pub(super) fn run_slot(&self) -> &Rc<RunSlot> {
        &self.run_slot
    }

    pub(super) fn admission(&self) -> &Rc<Admission> {
        &self.admission
    }

    /// Tells the metrics how many scripts hold memory.
    pub(super) fn note_accounts(&self) {
        self.metrics.memory_accounts(self.accounts.load(Ordering::Acquire));
    }

    pub(super) fn metrics(&self) -> &ScriptMetrics {
        &self.metrics
    }
}
