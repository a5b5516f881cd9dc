use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::{QueueInfo, Tick, Transport, WorkerId, lock};

/// Reads of the numbers of queues. Requests that time out together share one read for each queue: thousands of
/// them would keep the transport from its work.
#[derive(Default)]
pub(super) struct QueueReads {
    reads: Mutex<HashMap<WorkerId, (Tick, QueueRead)>>,
}

pub(super) type QueueRead = Shared<BoxFuture<'static, Option<QueueInfo>>>;

/// How long a read is shared.
const SHARED_FOR: Duration = Duration::from_millis(100);

/// How many queues have a read that is shared.
const MAX_QUEUES: usize = 64;

impl fmt::Debug for QueueReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueReads").finish_non_exhaustive()
    }
}

impl QueueReads {
    /// The numbers of the queue of `worker_id`, at most 100 ms old; none if the transport fails.
    pub(super) fn read(&self, transport: &Arc<dyn Transport>, worker_id: &WorkerId) -> QueueRead {
        let now = transport.clock().now();
        let mut reads = lock(&self.reads);
        if let Some((at, read)) = reads.get(worker_id)
            && now - *at < SHARED_FOR
        {
            return read.clone();
        }
        if reads.len() >= MAX_QUEUES {
            reads.clear();
        }
        let (transport, id) = (Arc::clone(transport), worker_id.clone());
        let read = async move { transport.queue(&id).await.ok() }.boxed().shared();
        reads.insert(worker_id.clone(), (now, read.clone()));
        read
    }
}
