use super::answer::ClaimId;
use super::model_task::Death;

/// One instance.
#[derive(Debug, Clone)]
pub(super) struct ModelInstance {
    pub(super) queue: usize,
    pub(super) life: Life,
    /// What it has claimed and not ended, in the order of submission.
    pub(super) held: Vec<ClaimId>,
    /// What it has lost, and does not know of yet, with the death that the task has counted for that.
    pub(super) lost: Vec<(ClaimId, Option<Death>)>,
}

/// Whether an instance lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    /// Its lease has run out: its next renewal begins it again.
    Expired,
    /// Its crash was reported: its next renewal may have been sent before, and changes nothing.
    Reported,
    Detached,
}

impl ModelInstance {
    pub(super) fn new(queue: usize) -> Self {
        Self { queue, life: Life::Alive, held: Vec::new(), lost: Vec::new() }
    }

    pub(super) fn hold(&mut self, claim: ClaimId) {
        self.held.push(claim);
        self.held.sort();
    }

    pub(super) fn release(&mut self, claim: ClaimId) {
        self.held.retain(|held| *held != claim);
    }
}
