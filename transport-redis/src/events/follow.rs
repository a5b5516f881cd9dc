use std::sync::Arc;

use futures::future::BoxFuture;
use rhai_dispatcher_core::{EventQueue, OutcomeError, TaskDetails, TaskId};

use super::event_reader::EventReader;
use crate::handle::Handle;
use crate::wait::OutcomeFuture;

/// Subscribes to a task: its events go to `queue`, and then the outcome is there.
pub(crate) fn follow(
    handle: &Arc<Handle>,
    id: TaskId,
    queue: &Arc<EventQueue>,
) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>> {
    let background = handle.background();
    let reader = Arc::clone(&background.events);
    let subscription = Subscription { key: reader.add(id, queue), reader: Arc::clone(&reader) };
    let outcome = OutcomeFuture::new(id, &background.inbox.waits, Arc::clone(handle));
    let handle = Arc::clone(handle);
    Box::pin(async move {
        let details = outcome.await?;
        let (reader, key) = (Arc::clone(&subscription.reader), subscription.key);
        // Without it the lines of earlier runs may be missing; those of the last one are in the outcome's log.
        let _ = handle.run(async move { reader.read_rest(key).await }).await;
        drop(subscription);
        Ok(details)
    })
}

/// Ends with the stream of events.
struct Subscription {
    key: u64,
    reader: Arc<EventReader>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.reader.remove(self.key);
    }
}
