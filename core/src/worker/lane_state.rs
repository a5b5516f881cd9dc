use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::early_stops::EarlyStops;
use super::running_tasks::SlotOfLane;
use super::{LaneSlot, Stop, StopToken};
use crate::{Claim, RunState, TaskId, Tick, lock};

/// What a lane and the monitor of its instance know of each other.
#[derive(Debug)]
pub(super) struct LaneState {
    /// Which task the lane polls.
    slot: SlotOfLane,
    running: Mutex<Running>,
    /// When the lane last began to be busy, in nanoseconds; [`IDLE`] while it waits.
    busy_since: AtomicU64,
    /// How many tasks it has released.
    released: AtomicUsize,
    /// Stops for claims that no lane had begun, which all lanes share.
    early: Arc<EarlyStops>,
}

#[derive(Debug, Default)]
struct Running {
    /// The tasks that the lane has begun and not finished.
    tasks: HashMap<TaskId, (Claim, StopToken), RandomState>,
    /// Whether all tasks are stopped, those that are still on their way included.
    stopping: Option<Stop>,
}

const IDLE: u64 = u64::MAX;

impl LaneState {
    pub(super) fn new(slot: SlotOfLane, early: Arc<EarlyStops>) -> Self {
        Self {
            slot,
            running: Mutex::default(),
            busy_since: AtomicU64::new(IDLE),
            released: AtomicUsize::new(0),
            early,
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        lock(&self.running)
    }

    // ---- the lane's side ----

    /// Notes that the lane is at work.
    pub(super) fn tick(&self, now: Tick) {
        self.busy_since.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// Where the lane notes which task it polls.
    pub(super) fn slot(&self) -> &LaneSlot {
        self.slot.get()
    }

    /// Notes that the lane waits.
    pub(super) fn idle(&self) {
        self.slot().clear();
        self.busy_since.store(IDLE, Ordering::Relaxed);
    }

    /// Adds a task, before anything of it runs.
    pub(super) fn begin(&self, claim: Claim, token: StopToken) {
        let mut running = self.running();
        let stopping = running.stopping;
        running.tasks.insert(claim.task, (claim, token.clone()));
        drop(running);
        // Only now: a stop that has not found it above has left a note before that.
        if let Some(why) = stopping.or_else(|| self.early.take(&claim)) {
            token.stop(why);
        }
    }

    /// Removes tasks that have been finished.
    pub(super) fn end(&self, claims: impl Iterator<Item = Claim>) {
        let mut running = self.running();
        for claim in claims {
            // A task that was lost may have come back to this very lane as another claim.
            if running.tasks.get(&claim.task).is_some_and(|(held, _)| *held == claim) {
                running.tasks.remove(&claim.task);
            }
        }
    }

    /// Notes that tasks were released.
    pub(super) fn note_released(&self, tasks: usize) {
        self.released.fetch_add(tasks, Ordering::Relaxed);
    }

    // ---- the monitor's side ----

    /// How many tasks the lane has released.
    pub(super) fn released(&self) -> usize {
        self.released.load(Ordering::Relaxed)
    }

    /// Stops one task if the lane has it. Whether it has.
    pub(super) fn stop(&self, claim: &Claim, why: Stop) -> bool {
        let running = self.running();
        let token = running.tasks.get(&claim.task).filter(|(held, _)| held == claim);
        let Some(token) = token.map(|(_, stop)| stop.clone()) else { return false };
        drop(running);
        token.stop(why);
        true
    }

    /// What the run of a claim does, if the lane has it.
    pub(super) fn inspect(&self, claim: &Claim, now: Tick) -> Option<RunState> {
        let running = self.running();
        let token = running.tasks.get(&claim.task).filter(|(held, _)| held == claim);
        let token = token.map(|(_, stop)| stop.clone())?;
        drop(running);
        Some(token.probe().state(claim, now))
    }

    /// Stops all tasks that the lane has or gets.
    pub(super) fn stop_all(&self, why: Stop) {
        let mut running = self.running();
        running.stopping = Some(why);
        let tokens: Vec<_> = running.tasks.values().map(|(_, stop)| stop.clone()).collect();
        drop(running);
        tokens.into_iter().for_each(|token| token.stop(why));
    }

    /// How long the lane has been at something without a tick.
    pub(super) fn silent_for(&self, now: Tick) -> Duration {
        match self.busy_since.load(Ordering::Relaxed) {
            IDLE => Duration::ZERO,
            since => now - Tick::from_nanos(since),
        }
    }

    /// Takes all the lane's tasks from it. With each, whether it is the one that the lane polls.
    pub(super) fn give_up(&self) -> Vec<(Claim, bool)> {
        let polled = self.slot().get();
        let running: Vec<_> = self.running().tasks.drain().map(|(_, entry)| entry).collect();
        for (_, token) in &running {
            token.stop(Stop::Lost);
        }
        running.into_iter().map(|(claim, _)| (claim, polled == Some(claim.task))).collect()
    }
}
