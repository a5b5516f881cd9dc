//! What a program counts through a recorder of its own.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use rhai_dispatcher::metrics::TransportMetrics;
use rhai_dispatcher::testing::ManualClock;
use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport, Transport};
use rhai_dispatcher::{RhaiDispatcher, RhaiWorker, WorkerId};

/// Keeps what is counted, by name and labels.
#[derive(Default)]
struct Figures {
    /// Counters and gauges.
    values: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    observations: Mutex<BTreeMap<String, Arc<Observations>>>,
}

/// What a histogram was told, in this order.
#[derive(Default)]
struct Observations(Mutex<Vec<f64>>);

impl Figures {
    fn entry(&self, key: &Key) -> Arc<AtomicU64> {
        Arc::clone(self.values.lock().unwrap().entry(name(key)).or_default())
    }

    fn counter(&self, name: &str) -> u64 {
        self.values.lock().unwrap()[name].load(Ordering::Relaxed)
    }

    fn observations(&self, name: &str) -> Vec<f64> {
        self.observations.lock().unwrap()[name].0.lock().unwrap().clone()
    }

    fn gauge(&self, name: &str) -> f64 {
        f64::from_bits(self.counter(name))
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.entry(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.entry(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::clone(self.observations.lock().unwrap().entry(name(key)).or_default()))
    }
}

impl HistogramFn for Observations {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

fn name(key: &Key) -> String {
    let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
    [&[key.name().to_owned()], &*labels].concat().join(" ")
}

#[test]
fn figures_of_a_queue_are_read_once_per_second() {
    let figures = Figures::default();
    metrics::with_local_recorder(&figures, || {
        let clock = ManualClock::new();
        let config = MemoryConfig::default().with_clock(Arc::new(clock.clone()));
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(config));
        let client =
            RhaiDispatcher::builder().caller_id("test").transport(Arc::clone(&transport)).build().unwrap();
        let queue = TransportMetrics::new(transport, WorkerId::try_from("worker-1").unwrap());
        let submit = || {
            let request = client.new_play_request().worker_id("worker-1").script("1");
            request.submit().now_or_never().unwrap().unwrap();
        };
        let ready = || {
            queue.sample().now_or_never().unwrap();
            figures.gauge("rhai_queue_ready_tasks worker-1 normal")
        };

        submit();
        assert_eq!(ready(), 1.0);
        submit();
        assert_eq!(ready(), 1.0, "the first read is used again");
        clock.advance(TransportMetrics::SHORTEST_INTERVAL);
        assert_eq!(ready(), 2.0);
        assert_eq!(figures.gauge("rhai_transport_connected"), 1.0);
        assert_eq!(figures.counter("rhai_dispatcher_submits_total accepted"), 2);

        let request =
            client.new_play_request().worker_id("worker-1").script("1").timeout(Duration::from_secs(1));
        let mut waiting = request.await_response().boxed();
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!(figures.gauge("rhai_dispatcher_requests_in_flight"), 1.0);
        drop(waiting);
        assert_eq!(figures.gauge("rhai_dispatcher_requests_in_flight"), 0.0);
    });
}

#[test]
fn worker_tells_how_long_its_tasks_waited() {
    let figures = Figures::default();
    metrics::with_local_recorder(&figures, || {
        let clock = ManualClock::new();
        let config = MemoryConfig::default().with_clock(Arc::new(clock.clone()));
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(config));
        let client =
            RhaiDispatcher::builder().caller_id("test").transport(Arc::clone(&transport)).build().unwrap();
        let request = || client.new_play_request().worker_id("worker-1").script("1");
        let at_once = block_on(request().submit()).unwrap();
        let delayed = block_on(request().delay(Duration::from_secs(2)).submit()).unwrap();
        clock.advance(Duration::from_secs(5));

        let worker = RhaiWorker::builder("worker-1").transport(transport).threads(1).build().unwrap();
        let worker = block_on(worker.start()).unwrap();
        for id in [at_once, delayed] {
            block_on(client.wait(id, Duration::from_secs(60))).unwrap();
        }
        block_on(worker.drain()).unwrap();
    });
    let mut waited = figures.observations("rhai_task_queue_seconds worker-1");
    waited.sort_by(f64::total_cmp);
    assert_eq!(waited, [3.0, 5.0], "the delay does not count");
}
