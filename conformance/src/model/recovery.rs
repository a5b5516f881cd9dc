use rhai_dispatcher_core::Requeued;

use super::answer::ClaimId;
use super::model_instance::Life;
use super::queue_model::QueueModel;

impl QueueModel {
    /// The instance's lease runs out. A task that was all that it ran is blamed.
    pub(super) fn lose_lease(&mut self, instance: usize) {
        let held = std::mem::take(&mut self.instances[instance].held);
        let is_blamed = held.len() == 1;
        let (now, max_deliveries) = (self.now, self.config.max_deliveries);
        for claim in held {
            let mut death = None;
            self.tasks[claim.task]
                .wait_again(now, |task| death = Some(task.count_death(is_blamed, max_deliveries)));
            self.instances[instance].lost.push((claim, death));
        }
        self.instances[instance].life = Life::Expired;
        if let Some(single) = self.fail_observation(instance) {
            self.tasks[single].waits_behind = true;
        }
    }

    /// Its process has died; the claims that `running` has a bit for were on a processor. If some of these were
    /// quarantined already, only they are blamed.
    pub(super) fn report_crash(&mut self, instance: usize, running: u8) -> Requeued {
        let held = std::mem::take(&mut self.instances[instance].held);
        let named: Vec<_> = running_of(&held, running).collect();
        let is_quarantined = |claim: &ClaimId| self.tasks[claim.task].is_quarantined();
        let some_quarantined = named.iter().any(is_quarantined);
        let blamed: Vec<_> =
            named.into_iter().filter(|claim| !some_quarantined || is_quarantined(claim)).collect();
        let (now, max_deliveries) = (self.now, self.config.max_deliveries);
        let mut requeued = Requeued::default();
        for claim in held {
            let mut is_counted = false;
            self.tasks[claim.task].wait_again(now, |task| {
                is_counted = blamed.contains(&claim);
                if is_counted {
                    task.count_death(true, max_deliveries);
                }
            });
            *if is_counted { &mut requeued.blamed } else { &mut requeued.released } += 1;
            self.instances[instance].lost.push((claim, None));
        }
        self.instances[instance].life = Life::Reported;
        if let Some(single) = self.fail_observation(instance) {
            self.tasks[single].waits_behind = true;
        }
        requeued
    }

    /// What it has lost. An instance whose lease has run out lives after all, so that its tasks do not count a death.
    pub(super) fn renew(&mut self, instance: usize) -> Vec<ClaimId> {
        let lost = std::mem::take(&mut self.instances[instance].lost);
        let life = &mut self.instances[instance].life;
        *life = if *life == Life::Reported { Life::Expired } else { Life::Alive };
        for (claim, death) in &lost {
            if let Some(death) = death {
                self.tasks[claim.task].take_back(*death);
            }
        }
        self.note_alive(instance);
        let mut claims: Vec<_> = lost.into_iter().map(|(claim, _)| claim).collect();
        claims.retain(|claim| !self.known_lost.contains(claim));
        claims.sort();
        claims
    }

    pub(super) fn detach(&mut self, instance: usize) {
        let now = self.now;
        self.instances[instance].life = Life::Detached;
        for claim in std::mem::take(&mut self.instances[instance].held) {
            self.tasks[claim.task].wait_again(now, |task| task.undo_start());
        }
        self.leave_observation(instance);
    }
}

/// The claims that `running` has a bit for.
pub(super) fn running_of(held: &[ClaimId], running: u8) -> impl Iterator<Item = ClaimId> {
    let is_named = move |bit: usize| bit < 8 && running >> bit & 1 == 1;
    held.iter().enumerate().filter(move |(bit, _)| is_named(*bit)).map(|(_, claim)| *claim)
}
