//! The tasks that wait for one worker id, its instances, and what each of these steps does under the queue's lock.
//!
//! Nothing here knows the hub. What follows from a step outside the queue is collected in [`Changes`].

mod announced;
mod changes;
mod claimers;
mod claiming;
mod due_timer;
mod expiry;
mod figures;
mod instance;
mod quarantine;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod queue;
mod queue_state;
mod ready;
mod request_key;
mod requeue;

pub(crate) use changes::Changes;
pub(crate) use claiming::ClaimAnswer;
pub(crate) use due_timer::DueTimer;
pub(crate) use instance::Instance;
pub(crate) use queue::Queue;
pub(crate) use queue_state::QueueState;
pub(crate) use request_key::RequestKey;
pub(crate) use requeue::Verdict;
