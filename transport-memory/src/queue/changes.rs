use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use rhai_dispatcher_core::{Outcome, TaskId, TaskLog, Tick, WallTime};

use crate::MemoryConfig;
use crate::record::{Progress, Record, RecordState};
use crate::wakes::Wakes;

/// One step: its time, and what follows from it outside the queue, which is done when the queue's lock is released.
pub(crate) struct Changes<'a> {
    pub(crate) config: &'a MemoryConfig,
    /// The time for records.
    pub(crate) now: WallTime,
    /// The time that decides what is due, once it was asked for.
    tick: Cell<Option<Tick>>,
    pub(crate) wakes: Wakes,
    /// Records that have got their outcome.
    pub(crate) ended: Vec<Arc<Record>>,
    /// Those of them whose end no instance logs.
    pub(crate) ended_without_run: Vec<Arc<Record>>,
    /// What cancelled tasks dispatched, to be cancelled too.
    pub(crate) orphans: VecDeque<TaskId>,
    /// Records that were dropped from the table of all records.
    pub(crate) dropped: Vec<Arc<Record>>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(config: &'a MemoryConfig) -> Self {
        Self {
            config,
            now: config.clock.wall(),
            tick: Cell::new(None),
            wakes: Wakes::default(),
            ended: Vec::new(),
            ended_without_run: Vec::new(),
            orphans: VecDeque::new(),
            dropped: Vec::new(),
        }
    }

    /// The time that decides what is due, the same for all that is done together.
    pub(crate) fn tick(&self) -> Tick {
        self.tick.get().unwrap_or_else(|| {
            let tick = self.config.clock.now();
            self.tick.set(Some(tick));
            tick
        })
    }

    /// Writes the outcome of `record`.
    pub(crate) fn end(
        &mut self,
        record: &Arc<Record>,
        state: &mut RecordState,
        outcome: Outcome,
        log: TaskLog,
    ) {
        if matches!(outcome, Outcome::Cancelled(_)) {
            self.cancel_children(&state.progress);
        }
        state.end(outcome, log, (self.now, self.tick()), &mut self.wakes);
        self.ended.push(Arc::clone(record));
    }

    /// Writes the outcome of `record`, which is not that of a run.
    pub(crate) fn end_without_run(
        &mut self,
        record: &Arc<Record>,
        state: &mut RecordState,
        outcome: Outcome,
    ) {
        self.end(record, state, outcome, TaskLog::new());
        self.ended_without_run.push(Arc::clone(record));
    }

    /// Cancels all that a task dispatched.
    pub(crate) fn cancel_children(&mut self, parent: &Progress) {
        self.orphans.extend(&parent.children);
    }
}
