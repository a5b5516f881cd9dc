use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::activity::{ActivityRange, Moment};
use rhai_dispatcher::transport::{InstanceInfo, QueueInfo, Transport, TransportError, WallTime};

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

/// How many logs are read side by side.
const SIDE_BY_SIDE: usize = 16;
/// Of how many worker ids the activity is read.
const MAX_LOGS: usize = 200;
/// How many ends are read of all worker ids together, and of one at least and at most: all that its log keeps by default.
const MAX_ENDS: usize = 20_000;
const ENDS_OF_ONE: (usize, usize) = (500, 10_000);

impl Snapshot {
    pub(super) async fn read(
        transport: &Arc<dyn Transport>,
        history: &mut History,
    ) -> Result<Self, TransportError> {
        let queues = transport.queues().await?;
        let mut instances = transport.instances(None).await?;
        let queues = with_idle(queues, &instances);
        instances.sort_by(|one, other| {
            let key = |one: &InstanceInfo| (one.worker_id.clone(), one.started_at, one.instance);
            key(one).cmp(&key(other))
        });
        let now = transport.clock().wall();
        let from = history.begin(now);
        queues.iter().for_each(|queue| history.add_queue(queue));
        let ids: BTreeSet<_> = queues.iter().take(MAX_LOGS).map(|queue| queue.worker_id.clone()).collect();
        let limit = (MAX_ENDS / ids.len().max(1)).clamp(ENDS_OF_ONE.0, ENDS_OF_ONE.1);
        let range = ActivityRange::latest(limit).with_since(Some(Moment::At(from)));
        let mut logs = stream::iter(ids)
            .map(|worker_id| async move {
                let log = transport.activity(&worker_id, range).await?;
                Ok::<_, TransportError>((worker_id, log))
            })
            .buffer_unordered(SIDE_BY_SIDE);
        while let Some((worker_id, log)) = logs.try_next().await? {
            history.add_ends(&worker_id, from, &log, limit);
        }
        Ok(Self { now, queues, instances, history: history.clone() })
    }

    /// When the intervals of the points began, the oldest first.
    pub(in crate::dashboard) fn times(&self) -> Vec<WallTime> {
        self.history.times()
    }

    /// The points of one worker id, one for each time.
    pub(in crate::dashboard) fn points_of(&self, worker_id: &WorkerId) -> Vec<Point> {
        self.history.points_of(worker_id)
    }

    /// The points of all worker ids that `has` holds for, together, one for each time.
    pub(in crate::dashboard) fn points(&self, has: impl Fn(&WorkerId) -> bool) -> Vec<Point> {
        self.history.points(has)
    }
}

/// The queues by name, with those that hold nothing and are served.
fn with_idle(mut queues: Vec<QueueInfo>, instances: &[InstanceInfo]) -> Vec<QueueInfo> {
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
    queues
}
