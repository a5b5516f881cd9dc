use std::sync::Arc;

use rhai_dispatcher_core::{CancelReason, Claimed, InstanceId};

use super::changes::Changes;
use super::instance::InstanceState;
use super::quarantine::{Observation, Offer, Quarantine};
use super::queue_state::QueueState;
use crate::record::Record;

/// What an instance gets by a claim.
pub(crate) enum ClaimAnswer {
    Claimed(Vec<Claimed>),
    /// A group of the quarantine.
    Group(Vec<Claimed>),
    /// There is nothing to claim.
    Empty,
    /// There may be, but not for this instance now.
    HeldUp,
    Detached,
}

impl QueueState {
    /// Claims up to `max` tasks, though no more than its share, or a group of the quarantine. `kept`: how many were kept
    /// for this claim.
    pub(crate) fn claim(
        &mut self,
        instance: InstanceId,
        held: &mut InstanceState,
        max: usize,
        kept: usize,
        changes: &mut Changes<'_>,
    ) -> ClaimAnswer {
        if held.detached {
            return ClaimAnswer::Detached;
        }
        if held.expired {
            return ClaimAnswer::HeldUp;
        }
        let lease = changes.config.transport.lease;
        if self.quarantine.lives(instance, changes.tick(), lease) {
            self.offer_quarantine(changes);
        }
        if self.quarantine.is_alone(instance) {
            return ClaimAnswer::HeldUp;
        }
        if self.paused {
            return ClaimAnswer::Empty;
        }
        self.expire(changes); // no instance is to be reserved for a task that is over
        held.tells_when_free |= !self.quarantine.is_empty();
        match self.quarantine.offer(instance, held.claims.is_empty(), changes.tick(), lease) {
            Offer::Group { size, alone } => {
                let group = self.claim_group(instance, held, size.min(max), alone, changes);
                if !group.is_empty() {
                    return ClaimAnswer::Group(group);
                }
            }
            Offer::Reserved => return ClaimAnswer::HeldUp,
            Offer::None => {}
        }
        let share = self.share(kept);
        let for_others = self.unkept() - share;
        let max = max.min(share);
        let mut claimed = Vec::with_capacity(max.min(self.waiting));
        while claimed.len() < max {
            let Some(record) = self.ready.pop() else { break };
            if self.may_start(&record, changes) {
                self.ready.note_start();
                claimed.push(self.start(instance, held, record, changes));
            }
        }
        let for_others = for_others.min(self.unkept());
        if for_others > 0 {
            let wakers = self.claimers.keep(for_others, changes.tick());
            changes.wakes.extend(wakers);
        }
        match claimed.is_empty() {
            true => ClaimAnswer::Empty,
            false => ClaimAnswer::Claimed(claimed),
        }
    }

    /// How many of the tasks that are ready are one claim's, if those that wait share them: those that were kept for it,
    /// and its part of those that are kept for none.
    fn share(&self, kept: usize) -> usize {
        let unkept = self.unkept();
        let kept = kept.min(unkept);
        kept + (unkept - kept).div_ceil(1 + self.claimers.len())
    }

    /// How many of the tasks that are ready are kept for no claim that waits.
    fn unkept(&self) -> usize {
        self.ready_len().saturating_sub(self.claimers.kept())
    }

    /// Claims the next group of the quarantine, of `size` tasks at most; `alone`: the instance holds nothing else.
    fn claim_group(
        &mut self,
        instance: InstanceId,
        held: &mut InstanceState,
        size: usize,
        alone: bool,
        changes: &mut Changes<'_>,
    ) -> Vec<Claimed> {
        let mut group = Vec::new();
        let is_behind = self.quarantine.next_is_behind();
        while group.len() < size {
            let Some(record) = self.quarantine.pop(is_behind) else { break };
            if self.may_start(&record, changes) {
                group.push(self.start(instance, held, record, changes));
            }
        }
        if let Some(deaths) = group.iter().map(|claimed| claimed.deaths).max() {
            let observation = Quarantine::observation(changes.config.transport.observation, deaths);
            let until = changes.tick() + observation;
            let (size, first) = (group.len(), group[0].claim.task);
            let reserved = self.quarantine.observe(Observation { instance, until, size, alone, first });
            // It may claim others again.
            if let Some(other) = reserved
                && let Some(other) = self.instances.get(&other)
            {
                changes.wakes.extend(other.lock().held_up.drain(..));
            }
        }
        group
    }

    /// Whether a task that was taken out is still to be run; if its time is over, it ends here.
    fn may_start(&mut self, record: &Arc<Record>, changes: &mut Changes<'_>) -> bool {
        if !record.lock().is_pending() {
            self.skipped();
            return false;
        }
        let over = record.latest_start.is_some_and(|at| at <= changes.tick());
        if over && self.cancel_waiting(record, CancelReason::Expired, changes) {
            self.skipped();
        }
        !over
    }

    fn start(
        &mut self,
        instance: InstanceId,
        held: &mut InstanceState,
        record: Arc<Record>,
        changes: &mut Changes<'_>,
    ) -> Claimed {
        self.waiting -= 1;
        let mut state = record.lock();
        let (claim, queue_time) = state.start(record.task.id, instance, changes.now, &mut changes.wakes);
        let claimed = Claimed {
            claim,
            task: Arc::clone(&record.task),
            deadline: record.deadline,
            latest_start: record.latest_start,
            attempt: state.progress.attempt,
            deaths: state.progress.deaths,
            queue_time: Some(queue_time),
        };
        drop(state);
        held.claims.insert(claim.task, (claim, record));
        claimed
    }
}
