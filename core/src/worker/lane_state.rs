use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Stop, StopToken};
use crate::{Claim, TaskId, Tick};

/// What a lane and its supervisor know of each other.
#[derive(Debug, Default)]
pub(super) struct LaneState {
    running: Mutex<Running>,
    /// When the lane last began to be busy, in nanoseconds; [`IDLE`] while it waits.
    busy_since: AtomicU64,
}

#[derive(Debug, Default)]
struct Running {
    /// The tasks that the lane has begun and not finished.
    tasks: HashMap<TaskId, (Claim, StopToken)>,
    /// Stops for claims that no lane had: one that is on its way to a lane is stopped when it gets
    /// there. With the time, so that those of claims that had ended don't stay.
    early: Vec<(Claim, Stop, Tick)>,
    /// Whether all tasks are stopped, those that are still on their way included.
    stopping: Option<Stop>,
}

const IDLE: u64 = u64::MAX;

impl LaneState {
    fn running(&self) -> MutexGuard<'_, Running> {
        // Nothing panics while it holds the lock, save for an allocation that fails.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- the lane's side ----

    /// Notes that the lane is at work.
    pub(super) fn tick(&self, now: Tick) {
        self.busy_since.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// Notes that the lane waits.
    pub(super) fn idle(&self) {
        self.busy_since.store(IDLE, Ordering::Relaxed);
    }

    /// Adds a task, before anything of it runs.
    pub(super) fn begin(&self, claim: Claim, token: StopToken) {
        let mut running = self.running();
        let early = running.early.iter().position(|(early, ..)| *early == claim);
        let early = early.map(|index| running.early.remove(index).1);
        if let Some(why) = running.stopping.or(early) {
            token.stop(why); // no task waits on it yet, so none is woken under the lock
        }
        running.tasks.insert(claim.task, (claim, token));
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

    // ---- the supervisor's side ----

    /// Stops one task: now if the lane has it, otherwise when it gets it. Such notes from before
    /// `since` are forgotten.
    pub(super) fn stop(&self, claim: &Claim, why: Stop, now: Tick, since: Tick) {
        /// Far more than are ever on their way at once.
        const MAX_EARLY: usize = 4_096;
        let mut running = self.running();
        let token = running.tasks.get(&claim.task).filter(|(held, _)| held == claim);
        let token = token.map(|(_, stop)| stop.clone());
        if token.is_none() {
            running.early.retain(|(_, _, at)| *at >= since);
            if running.early.len() == MAX_EARLY {
                running.early.remove(0);
            }
            running.early.push((*claim, why, now));
        }
        drop(running);
        if let Some(token) = token {
            token.stop(why);
        }
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

    /// Takes all the lane's tasks from it.
    pub(super) fn give_up(&self) -> Vec<Claim> {
        let running: Vec<_> = self.running().tasks.drain().map(|(_, entry)| entry).collect();
        for (_, token) in &running {
            token.stop(Stop::Lost);
        }
        running.into_iter().map(|(claim, _)| claim).collect()
    }
}
