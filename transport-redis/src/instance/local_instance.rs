use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Duration;

use rhai_dispatcher_core::{
    ActivityError, Claim, Claimed, EndedRun, InstanceId, Signal, TaskStatus, TransportError, WorkerId, lock,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::claims::{ClaimCall, Claims};
use crate::client::ClientError;
use crate::config::RedisConfig;
use crate::script::{Args, ScriptCaller};
use crate::wait::{Listener, Waits};

/// One instance, as this process holds it.
#[derive(Debug)]
pub(crate) struct LocalInstance {
    pub(crate) id: InstanceId,
    pub(crate) worker_id: WorkerId,
    pub(crate) caller: Arc<ScriptCaller>,
    pub(crate) waits: Arc<Waits>,
    claims: Mutex<Claims>,
    /// Something has changed that the claim loop may wait for.
    pub(crate) changed: Notify,
    /// Held by claims, recoveries and the detach, so that the answer to one is not about another.
    pub(crate) claiming: tokio::sync::Mutex<()>,
    /// Held by renewals and the detach. No claim waits for it, and no renewal waits for a claim: claims are slow when
    /// the server or the network is.
    pub(crate) renewing: tokio::sync::Mutex<()>,
    /// How long a lease lasts.
    lease: Duration,
    /// How much a message may hold.
    pub(crate) max_message: usize,
    /// How much an outcome may hold.
    pub(crate) max_outcome: usize,
    /// The errors in place of outcomes that were too large, until their runs are logged.
    oversized: Mutex<HashMap<Claim, ActivityError>>,
}

/// How many errors in place of outcomes are kept at most; beyond that the activity may have some of these runs as completed.
const MAX_OVERSIZED: usize = 64;

impl LocalInstance {
    pub(crate) fn new(
        id: InstanceId,
        worker_id: WorkerId,
        caller: Arc<ScriptCaller>,
        waits: Arc<Waits>,
        config: &RedisConfig,
    ) -> Self {
        Self {
            id,
            worker_id,
            caller,
            waits,
            claims: Mutex::default(),
            changed: Notify::new(),
            claiming: tokio::sync::Mutex::new(()),
            renewing: tokio::sync::Mutex::new(()),
            lease: config.transport.lease,
            max_message: config.max_message_bytes,
            max_outcome: config.max_outcome_bytes,
            oversized: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Claims> {
        lock(&self.claims)
    }

    /// The arguments that name this instance.
    pub(crate) fn args(&self) -> Args {
        let mut args = Args::new();
        args.push_copy(self.worker_id.as_str()).push_display(self.id);
        args
    }

    /// Notes that the lease was renewed by what was sent at `sent`.
    pub(crate) fn note_renewal(&self, sent: Instant) {
        let mut claims = self.lock();
        claims.leased_until = Some(sent + self.lease);
        claims.expired = false;
    }

    /// Whether claims that come now are of a lease that lasts. If it may be over, they may run elsewhere already, and
    /// the server is asked of them after the next renewal.
    pub(crate) fn check_lease(&self) -> Result<(), ClientError> {
        let mut claims = self.lock();
        if claims.leased_until.is_some_and(|until| until > Instant::now()) {
            return Ok(());
        }
        claims.expired = true;
        Err(ClientError::Lost("the lease may have run out before the answer came".into()))
    }

    /// Ends a claim here, once the server has said what it makes of it, or could not. Whether it could not,
    /// and has given the same claim again meanwhile.
    pub(crate) fn finished(&self, claim: &Claim, answered: bool) -> bool {
        let mut claims = self.lock();
        let held_before = !claims.is_free();
        let (changed, came_again) = match answered {
            true => (claims.finished(claim), false),
            false => (false, claims.unfinished(claim)),
        };
        let holds_none = held_before && claims.is_free();
        drop(claims);
        if holds_none {
            self.waits.holds(false);
        }
        if changed {
            self.changed.notify_one();
        }
        came_again
    }

    /// Notes that the end of a claim was too large, and that this error is written in its place.
    pub(crate) fn note_oversized(&self, claim: Claim, error: ActivityError) {
        let mut oversized = lock(&self.oversized);
        if oversized.len() >= MAX_OVERSIZED {
            oversized.clear();
        }
        oversized.insert(claim, error);
    }

    /// Gives runs the errors that were written in place of outcomes that were too large.
    pub(crate) fn correct(&self, runs: &mut [EndedRun]) {
        let mut oversized = lock(&self.oversized);
        if oversized.is_empty() {
            return;
        }
        for run in runs {
            if let Some(error) = oversized.remove(&run.claim) {
                if run.status == TaskStatus::Completed {
                    run.status = TaskStatus::Error;
                }
                run.error = Some(error);
            }
        }
    }

    /// The number of a release, by which the script recognises a repetition.
    pub(crate) fn next_release(&self) -> String {
        let mut claims = self.lock();
        claims.releases += 1;
        claims.releases.to_string()
    }

    /// Distributes claims to the claim calls that wait, in even parts. Claims that no call takes are kept.
    pub(crate) fn distribute(&self, mut claimed: Vec<Claimed>) {
        while !claimed.is_empty() {
            let parts = self.lock().distribute(claimed);
            // A call that was dropped in the same moment leaves its part to the others.
            let left = parts.into_iter().filter_map(|(call, part)| call.answer.send(Ok(part)).err()?.ok());
            claimed = left.flatten().collect();
        }
    }

    /// Answers all claim calls that wait with an error.
    pub(crate) fn fail(&self, error: &TransportError) {
        let calls = std::mem::take(&mut self.lock().waiting);
        refuse(calls, error);
    }

    /// Loses those claims here, as far as it still holds them.
    pub(crate) fn lose(&self, lost: &[Claim]) {
        let mut claims = self.lock();
        let held_before = !claims.is_free();
        let reader = claims.lose(lost);
        let holds_none = held_before && claims.is_free();
        drop(claims);
        wake(reader);
        if holds_none {
            self.waits.holds(false);
        }
    }

    /// Ends the instance in this process.
    pub(crate) fn end(&self) {
        let mut claims = self.lock();
        let held = !claims.is_free();
        claims.clear();
        let (calls, reader) = claims.detach();
        drop(claims);
        refuse(calls, &TransportError::Detached);
        wake(reader);
        if held {
            self.waits.holds(false);
        }
        self.changed.notify_one();
    }
}

impl Listener for LocalInstance {
    fn signal(&self, signal: Signal) {
        let reader = self.lock().signal(signal);
        wake(reader);
    }
}

/// Answers claim calls, which is done after the lock of the claims is released.
fn refuse(calls: VecDeque<ClaimCall>, error: &TransportError) {
    for call in calls {
        let _ = call.answer.send(Err(error.clone()));
    }
}

/// Wakes a reader of signals, which is done after the lock of the claims is released.
fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}
