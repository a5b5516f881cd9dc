use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::transport::{Counters, InstanceInfo, QueueInfo, Transport, TransportError, WallTime};

use super::history::{History, Point};

/// The numbers of all queues and instances at one moment, and those of the minutes before.
#[derive(Debug)]
pub(in crate::dashboard) struct Snapshot {
    /// By the transport's clock.
    pub(in crate::dashboard) now: WallTime,
    pub(in crate::dashboard) queues: Vec<QueueInfo>,
    pub(in crate::dashboard) instances: Vec<InstanceInfo>,
    history: History,
}

/// How many queues are read side by side.
const SIDE_BY_SIDE: usize = 16;

impl Snapshot {
    pub(super) async fn read(
        transport: &Arc<dyn Transport>,
        history: &mut History,
    ) -> Result<Self, TransportError> {
        let mut queues = transport.queues().await?;
        let mut instances = transport.instances(None).await?;
        // An instance serves a queue that holds nothing.
        let listed: BTreeSet<_> = queues.iter().map(|queue| queue.worker_id.clone()).collect();
        let mut idle: BTreeMap<&WorkerId, usize> = BTreeMap::new();
        for instance in instances.iter().filter(|instance| !listed.contains(&instance.worker_id)) {
            *idle.entry(&instance.worker_id).or_default() += 1;
        }
        for (worker_id, count) in idle {
            let mut queue = QueueInfo::empty(worker_id.clone());
            queue.instances = count;
            queues.push(queue);
        }
        queues.sort_by(|one, other| one.worker_id.cmp(&other.worker_id));
        instances.sort_by(|one, other| {
            (&one.worker_id, one.started_at, one.instance).cmp(&(
                &other.worker_id,
                other.started_at,
                other.instance,
            ))
        });
        let counted: Vec<_> = stream::iter(queues.iter().cloned())
            .map(|queue| async move {
                let mut sum = Counters::default();
                transport
                    .figures(&queue.worker_id)
                    .await?
                    .iter()
                    .for_each(|method| sum.add(&method.counters));
                Ok::<_, TransportError>((queue, sum))
            })
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        let now = transport.clock().wall();
        history.add(now, &counted);
        Ok(Self { now, queues, instances, history: history.clone() })
    }

    /// The times of the points, the oldest first.
    pub(in crate::dashboard) fn times(&self) -> &VecDeque<WallTime> {
        self.history.times()
    }

    /// The points of one worker id, one for each time; none if nothing is kept of it.
    pub(in crate::dashboard) fn points_of(&self, worker_id: &WorkerId) -> Option<&VecDeque<Point>> {
        self.history.points(worker_id)
    }

    /// The points of all worker ids that `has` holds for, together, one for each time.
    pub(in crate::dashboard) fn points(&self, has: impl Fn(&WorkerId) -> bool) -> Vec<Point> {
        let mut all = vec![Point::default(); self.times().len()];
        for queue in self.queues.iter().filter(|queue| has(&queue.worker_id)) {
            let points = self.points_of(&queue.worker_id).into_iter().flatten();
            all.iter_mut().zip(points).for_each(|(sum, point)| sum.add(point));
        }
        all
    }
}
