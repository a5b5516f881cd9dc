use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use futures::task::AtomicWaker;

use super::{Stop, StopToken};
use crate::{Claim, TaskId, Tick};

/// What a lane and its supervisor know of each other.
#[derive(Debug, Default)]
pub(super) struct LaneState {
    /// The tasks that the lane has claimed and not finished.
    running: Mutex<HashMap<TaskId, (Claim, StopToken)>>,
    /// When the lane last began to be busy, in nanoseconds; [`IDLE`] while it waits.
    busy_since: AtomicU64,
    draining: AtomicBool,
    waker: AtomicWaker,
}

const IDLE: u64 = u64::MAX;

impl LaneState {
    fn running(&self) -> MutexGuard<'_, HashMap<TaskId, (Claim, StopToken)>> {
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

    /// Whether the lane is to claim no more; if not yet, the context is woken when it is.
    pub(super) fn poll_draining(&self, cx: &Context<'_>) -> bool {
        self.draining.load(Ordering::Acquire) || {
            self.waker.register(cx.waker());
            // It may have been set between the look and the registration.
            self.draining.load(Ordering::Acquire)
        }
    }

    /// Adds tasks, before anything of them runs.
    pub(super) fn begin(&self, claims: impl Iterator<Item = (Claim, StopToken)>) {
        self.running().extend(claims.map(|(claim, stop)| (claim.task, (claim, stop))));
    }

    /// Removes tasks that have been finished.
    pub(super) fn end(&self, claims: impl Iterator<Item = Claim>) {
        let mut running = self.running();
        for claim in claims {
            // A task that was lost may have come back to this very lane as another claim.
            if running.get(&claim.task).is_some_and(|(held, _)| *held == claim) {
                running.remove(&claim.task);
            }
        }
    }

    // ---- the supervisor's side ----

    /// Stops one task, if the lane has it.
    pub(super) fn stop(&self, claim: &Claim, why: Stop) {
        let running = self.running();
        let token = running.get(&claim.task).filter(|(held, _)| held == claim).map(|(_, stop)| stop.clone());
        drop(running);
        if let Some(token) = token {
            token.stop(why);
        }
    }

    /// Stops all tasks that the lane has.
    pub(super) fn stop_all(&self, why: Stop) {
        let tokens: Vec<_> = self.running().values().map(|(_, stop)| stop.clone()).collect();
        tokens.into_iter().for_each(|token| token.stop(why));
    }

    /// Tells the lane to claim no more.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.waker.wake();
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
        let running: Vec<_> = self.running().drain().map(|(_, entry)| entry).collect();
        for (_, token) in &running {
            token.stop(Stop::Lost);
        }
        running.into_iter().map(|(claim, _)| claim).collect()
    }
}
