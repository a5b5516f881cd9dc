use std::sync::Arc;

use super::channel::Channel;
use super::signature::Signature;

/// The workers' end of a channel: while there is one, requests wait to be begun.
pub(super) struct WorkerEnd<S: Signature>(Arc<Channel<S>>);

impl<S: Signature> WorkerEnd<S> {
    pub(super) fn new(channel: Arc<Channel<S>>) -> Self {
        channel.add_worker();
        Self(channel)
    }

    pub(super) fn channel(&self) -> &Channel<S> {
        &self.0
    }
}

impl<S: Signature> Clone for WorkerEnd<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl<S: Signature> Drop for WorkerEnd<S> {
    fn drop(&mut self) {
        self.0.remove_worker();
    }
}
