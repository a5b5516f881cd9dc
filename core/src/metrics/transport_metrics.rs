use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either};
use futures::lock::Mutex;
use metrics::{Counter, Gauge, counter, gauge};

use crate::{Priority, QueueInfo, Tick, Transport, WorkerId};

/// The figures of a queue, and of the handle of a transport. They cost calls, so they are read when a program asks:
/// [`sample`](Self::sample) before each scrape.
#[derive(Debug)]
pub struct TransportMetrics {
    transport: Arc<dyn Transport>,
    worker_id: WorkerId,
    connected: Gauge,
    waits: Gauge,
    reconnects: Counter,
    ready: [Gauge; Priority::ALL.len()],
    delayed: Gauge,
    quarantined: Gauge,
    claimed: Gauge,
    instances: Gauge,
    paused: Gauge,
    /// When the queue was last read.
    read_at: Mutex<Option<Tick>>,
}

impl TransportMetrics {
    /// How long a read of the queue is used again: 1 s.
    pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

    /// How long a read of the queue may take: 1 s. After that its figures are unknown.
    pub const READ_TIMEOUT: Duration = Duration::from_secs(1);

    /// The figures of the queue of `worker_id`. Install a recorder before.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, worker_id: WorkerId) -> Self {
        let id = || worker_id.to_string();
        let ready = |priority: Priority| gauge!("rhai_queue_ready_tasks", "worker_id" => id(), "priority" => priority.as_str());
        Self {
            connected: gauge!("rhai_transport_connected"),
            waits: gauge!("rhai_transport_waits"),
            reconnects: counter!("rhai_transport_reconnects_total"),
            ready: Priority::ALL.map(ready),
            delayed: gauge!("rhai_queue_delayed_tasks", "worker_id" => id()),
            quarantined: gauge!("rhai_queue_quarantined_tasks", "worker_id" => id()),
            claimed: gauge!("rhai_queue_claimed_tasks", "worker_id" => id()),
            instances: gauge!("rhai_queue_instances", "worker_id" => id()),
            paused: gauge!("rhai_queue_paused", "worker_id" => id()),
            read_at: Mutex::new(None),
            transport,
            worker_id,
        }
    }

    /// Reads the figures, those of the queue at most once per [`SHORTEST_INTERVAL`](Self::SHORTEST_INTERVAL). If the
    /// transport does not answer within [`READ_TIMEOUT`](Self::READ_TIMEOUT), the figures of the queue are `NaN`.
    ///
    /// # Cancellation
    /// Dropping the future leaves the figures of the queue as they were.
    pub async fn sample(&self) {
        self.sample_queue().await;
        let health = self.transport.health();
        self.connected.set(f64::from(u8::from(health.connected)));
        self.waits.set(health.waiters as f64);
        self.reconnects.absolute(health.reconnects);
    }

    async fn sample_queue(&self) {
        let mut read_at = self.read_at.lock().await;
        let clock = self.transport.clock();
        let now = clock.now();
        if read_at.is_some_and(|at| now - at < Self::SHORTEST_INTERVAL) {
            return;
        }
        let timeout = clock.sleep_until(now + Self::READ_TIMEOUT);
        let read = match future::select(self.transport.queue(&self.worker_id), timeout).await {
            Either::Left((Ok(queue), _)) => Some(queue),
            Either::Left((Err(_), _)) | Either::Right(_) => None,
        };
        *read_at = Some(clock.now());
        self.set_queue(read.as_ref());
    }

    fn set_queue(&self, queue: Option<&QueueInfo>) {
        let set = |gauge: &Gauge, value: fn(&QueueInfo) -> usize| {
            gauge.set(queue.map_or(f64::NAN, |queue| value(queue) as f64));
        };
        for (index, gauge) in self.ready.iter().enumerate() {
            gauge.set(queue.map_or(f64::NAN, |queue| queue.ready[index] as f64));
        }
        set(&self.delayed, |queue| queue.delayed);
        set(&self.quarantined, |queue| queue.quarantined);
        set(&self.claimed, |queue| queue.claimed);
        set(&self.instances, |queue| queue.instances);
        set(&self.paused, |queue| usize::from(queue.paused));
    }
}
