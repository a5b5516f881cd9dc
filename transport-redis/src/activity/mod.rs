//! How tasks have ended: from an instance into a stream for each worker id, and how that is read.

mod activity_outbox;
mod activity_sender;
mod batches;
mod read_activity;
mod watch;
mod watchers;

pub(crate) use activity_outbox::ActivityOutbox;
pub(crate) use activity_sender::ActivitySender;
pub(crate) use read_activity::read_activity;
pub(crate) use watch::watch;
pub(crate) use watchers::Watchers;
