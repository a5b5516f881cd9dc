//! Request-reply and fire-and-forget of a trivial script over memory, each beside a yardstick: a
//! bare pair of channels between two threads, which carries a number there and back and promises
//! nothing.
//!
//! Run it with `cargo bench --bench memory`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::channel::{mpsc, oneshot};
use futures::executor::block_on;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, future};
use rhai_dispatcher::transport::{MemoryTransport, Transport, TransportConfig};
use rhai_dispatcher::worker::RunningWorker;
use rhai_dispatcher::{RhaiDispatcher, RhaiDispatcherBuilder, RhaiDispatcherError, RhaiWorker};

/// As in `rhaid`: a task is made on one thread and dropped on another, which the system's allocator
/// makes both wait for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCRIPT: &str = "40 + 2";

/// A dispatcher, and a worker with one lane: a thread each.
fn over_memory() -> (RhaiDispatcher, RunningWorker) {
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::from(TransportConfig::default()));
    let worker = RhaiWorker::builder("worker-1").transport(Arc::clone(&transport)).threads(1);
    let worker =
        block_on(worker.build().expect("a good configuration").start()).expect("memory has no failures");
    let client = RhaiDispatcherBuilder::new().caller_id("bench").transport(transport);
    (client.build().expect("a good configuration"), worker)
}

/// Makes `total` requests with `outstanding` of them under way at any time.
fn request_reply(client: &RhaiDispatcher, total: u64, outstanding: u64) -> Duration {
    let script: Arc<str> = SCRIPT.into();
    let worker_id: Arc<str> = "worker-1".into();
    let request = || {
        let request = client.new_play_request().worker_id(Arc::clone(&worker_id)).script(Arc::clone(&script));
        async { request.await_response().await.expect("the worker answers") }
    };
    keep_outstanding(total, outstanding, request)
}

/// A thread that answers each number it is sent, over the channel that came with it.
struct Yardstick {
    requests: mpsc::UnboundedSender<(u64, oneshot::Sender<u64>)>,
}

impl Yardstick {
    fn new() -> Self {
        let (requests, mut received) = mpsc::unbounded::<(u64, oneshot::Sender<u64>)>();
        std::thread::spawn(move || {
            block_on(async {
                while let Some((number, reply)) = received.next().await {
                    let _ = reply.send(number + 2);
                }
            });
        });
        Self { requests }
    }

    fn request_reply(&self, total: u64, outstanding: u64) -> Duration {
        let request = || {
            let (reply, answer) = oneshot::channel();
            self.requests.unbounded_send((40, reply)).expect("the thread lives");
            async { answer.await.expect("the thread answers") }
        };
        keep_outstanding(total, outstanding, request)
    }
}

fn keep_outstanding<F: Future>(total: u64, outstanding: u64, mut request: impl FnMut() -> F) -> Duration {
    let start = Instant::now();
    block_on(async {
        let mut under_way = FuturesUnordered::new();
        for _ in 0..total {
            if under_way.len() as u64 == outstanding {
                under_way.next().await;
            }
            under_way.push(request());
        }
        under_way.for_each(|_| future::ready(())).await;
    });
    start.elapsed()
}

/// Submits `total` tasks, and waits for the last; the others are before it in the queue.
fn fire_and_forget(client: &RhaiDispatcher, total: u64) -> Duration {
    let script: Arc<str> = SCRIPT.into();
    let worker_id: Arc<str> = "worker-1".into();
    let request = || client.new_play_request().worker_id(Arc::clone(&worker_id)).script(Arc::clone(&script));
    let start = Instant::now();
    block_on(async {
        for _ in 1..total {
            // A full queue is what a fire-and-forget sender meets; it waits for an answer then.
            match request().submit().await {
                Ok(_) => {}
                Err(RhaiDispatcherError::QueueFull { .. }) => {
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        }
        while let Err(error) = request().await_response().await {
            assert!(error.is_retryable(), "{error}");
        }
    });
    start.elapsed()
}

fn benches(criterion: &mut Criterion) {
    let (client, _worker) = over_memory();
    let yardstick = Yardstick::new();
    let mut group = criterion.benchmark_group("request-reply");
    group.throughput(Throughput::Elements(1));
    for outstanding in [1, 64, 1_024] {
        group.bench_function(BenchmarkId::new("memory", outstanding), |bencher| {
            bencher.iter_custom(|total| request_reply(&client, total, outstanding));
        });
        group.bench_function(BenchmarkId::new("channels", outstanding), |bencher| {
            bencher.iter_custom(|total| yardstick.request_reply(total, outstanding));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("fire-and-forget");
    group.throughput(Throughput::Elements(1));
    group.bench_function("memory", |bencher| bencher.iter_custom(|total| fire_and_forget(&client, total)));
    group.bench_function("channels", |bencher| {
        bencher.iter_custom(|total| {
            let (numbers, mut received) = mpsc::unbounded();
            let reader =
                std::thread::spawn(move || block_on(async { while received.next().await.is_some() {} }));
            let start = Instant::now();
            for number in 0..total {
                numbers.unbounded_send(number).expect("the reader lives");
            }
            drop(numbers);
            reader.join().expect("the reader does not panic");
            start.elapsed()
        });
    });
    group.finish();
}

criterion_group!(memory, benches);
criterion_main!(memory);
