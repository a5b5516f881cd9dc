use std::collections::BTreeSet;
use std::sync::Mutex;

use rhai_dispatcher_core::lock;
use tokio::sync::{MutexGuard, Notify};

use crate::client::ServerReply;

/// Worker ids that have cancelled tasks whose children are still to be cancelled, as the answers to scripts have named them.
///
/// The server keeps those tasks until it is done. If this process ends before, the answers to renewals name them again.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    worker_ids: Mutex<BTreeSet<String>>,
    named: Notify,
    /// Held while their tasks are followed.
    following: tokio::sync::Mutex<()>,
}

impl Orphans {
    /// Takes the worker ids out of an answer, whose first value is then the time alone.
    pub(crate) fn take_from(&self, reply: &mut [ServerReply]) {
        let Some(first) = reply.first_mut() else { return };
        let Some((time, names)) = first.as_str().and_then(|text| text.split_once(' ')) else { return };
        lock(&self.worker_ids).extend(names.split(' ').map(str::to_owned));
        let time = ServerReply::of_text(time);
        *first = time;
        self.named.notify_one();
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.worker_ids).is_empty()
    }

    /// The next one, which the caller is to follow.
    pub(crate) fn next(&self) -> Option<String> {
        lock(&self.worker_ids).pop_first()
    }

    /// Waits until no other caller follows some.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.following.lock().await
    }

    /// Waits until an answer has named some since the last call.
    pub(crate) async fn named(&self) {
        self.named.notified().await;
    }
}
