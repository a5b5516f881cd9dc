use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::executor::block_on;
use futures::future::{self, Either};

use super::early_stops::EarlyStops;
use super::ends::Ends;
use super::figures::{CallFigures, LaneFigures, Reports};
use super::instance_monitor::InstanceMonitor;
use super::intake::Intake;
use super::lane::{Lane, LaneParts};
use super::lane_state::LaneState;
use super::running_tasks::{HeapSlots, SlotOfLane};
use super::telemetry::Telemetry;
use super::{Drained, Handler, MethodSource, RunningTasks, TaskTracer, WorkerConfig, WorkerError};
use crate::clock::{Busy, block_on_counted};
use crate::{Clock, Consumer, InstanceSpec, Transport, WorkerId};

/// Serves one worker id: an instance with lanes. Each lane is a thread with its own [`Handler`].
#[derive(Debug, Clone)]
pub struct Worker {
    transport: Arc<dyn Transport>,
    worker_id: WorkerId,
    config: WorkerConfig,
    running_tasks: Option<Arc<dyn RunningTasks>>,
    methods: Option<Arc<dyn MethodSource>>,
    tracer: Option<Arc<dyn TaskTracer>>,
}

/// A worker that runs on its own threads. Dropping it shuts it down without any grace, and does
/// not wait for that.
#[derive(Debug)]
pub struct RunningWorker {
    shutdown: Option<oneshot::Sender<Duration>>,
    grace: Duration,
    ended: oneshot::Receiver<Result<Drained, WorkerError>>,
}

impl Worker {
    /// A worker that will serve `worker_id`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, worker_id: WorkerId) -> Self {
        Self {
            transport,
            worker_id,
            config: WorkerConfig::default(),
            running_tasks: None,
            methods: None,
            tracer: None,
        }
    }

    /// Sets its configuration.
    #[must_use]
    pub fn with_config(mut self, config: WorkerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets where its lanes note the tasks that they poll. Default: memory of the process.
    #[must_use]
    pub fn with_running_tasks(mut self, running_tasks: Arc<dyn RunningTasks>) -> Self {
        self.running_tasks = Some(running_tasks);
        self
    }

    /// Sets the methods that its handler has: they are announced, and calls of them counted. Default: none.
    #[must_use]
    pub fn with_methods(mut self, methods: Arc<dyn MethodSource>) -> Self {
        self.methods = Some(methods);
        self
    }

    /// Sets what takes part in the traces of its tasks. Default: none, and their trace contexts are passed on.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Arc<dyn TaskTracer>) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// Begins to serve, on threads of its own. `make_handler` is called on each lane's thread.
    ///
    /// # Errors
    /// [`WorkerError::Transport`] if the transport does not take the instance,
    /// [`WorkerError::CrashFile`] if there are fewer slots than lanes, and [`WorkerError::Thread`].
    pub async fn start<H, F>(self, make_handler: F) -> Result<RunningWorker, WorkerError>
    where
        H: Handler + Unpin,
        F: Fn() -> H + Send + Sync + 'static,
    {
        self.check_slots()?;
        let consumer = self.transport.attach(InstanceSpec::new(self.worker_id.clone())).await?;
        self.start_attached(consumer, make_handler)
    }

    /// Begins to serve as an instance that has attached already.
    ///
    /// # Errors
    /// [`WorkerError::CrashFile`] if there are fewer slots than lanes, and [`WorkerError::Thread`].
    pub fn start_attached<H, F>(
        self,
        consumer: Arc<dyn Consumer>,
        make_handler: F,
    ) -> Result<RunningWorker, WorkerError>
    where
        H: Handler + Unpin,
        F: Fn() -> H + Send + Sync + 'static,
    {
        self.check_slots()?;
        let Self { transport, worker_id, config, running_tasks, methods, tracer } = self;
        let clock = Arc::clone(transport.clock());
        let instance = consumer.instance();
        tracing::info!(%worker_id, %instance, lanes = config.lanes, "the worker serves");

        let make_handler = Arc::new(make_handler);
        let (lane_ended, lane_ends) = mpsc::unbounded();
        let lanes = config.lanes.get();
        let running_tasks = running_tasks.unwrap_or_else(|| Arc::new(HeapSlots::new(lanes)));
        running_tasks.attached(&worker_id, instance);
        let slot = |lane| SlotOfLane::new(Arc::clone(&running_tasks), lane);
        let early_stops: Arc<EarlyStops> = Arc::default();
        let state = |lane| Arc::new(LaneState::new(slot(lane), Arc::clone(&early_stops)));
        let states: Vec<_> = (0..lanes).map(state).collect();
        let intake =
            Intake::new(Arc::clone(&consumer), Arc::clone(&clock), states.clone(), Arc::clone(&early_stops));
        let counted = methods.clone().filter(|_| config.figures.counts);
        let figures = counted.map(|methods| CallFigures::new(methods, config.figures.max_figures, lanes));
        let reports = Reports::new(
            Arc::clone(&consumer),
            Arc::clone(&clock),
            config.figures.clone(),
            lanes,
            methods,
            figures.clone(),
        );
        let (shutdown, shutdown_asked) = oneshot::channel();
        let (report, ended) = oneshot::channel();
        let (grace, logs_activity) = (config.grace, config.activity);
        let telemetry = Arc::new(Telemetry::new(tracer));
        let monitor = InstanceMonitor::new(
            Arc::clone(&consumer),
            Arc::clone(&clock),
            config,
            states.clone(),
            Arc::clone(&intake),
            reports,
            Ends { of_lanes: lane_ends, shutdown: shutdown_asked },
        );
        // Before the first claim: from here on the lease is renewed, and a failure is noticed.
        let busy = busy_thread(&*clock);
        spawn("rhai-monitor".into(), 0, move || {
            let (result, is_detached) = drive(busy, monitor.run());
            if is_detached {
                running_tasks.detached();
            }
            tracing::info!(%worker_id, %instance, ?result, "the worker has ended");
            let _ = report.send(result); // the handle may have been dropped
        })?;
        for (index, state) in states.into_iter().enumerate() {
            let (consumer, clock) = (Arc::clone(&consumer), Arc::clone(&clock));
            let make_handler = Arc::clone(&make_handler);
            let (intake, lane_ended) = (Arc::clone(&intake), lane_ended.clone());
            let figures = figures.clone().map(|figures| LaneFigures::new(figures, index));
            let busy = busy_thread(&*clock);
            let telemetry = Arc::clone(&telemetry);
            let parts =
                LaneParts { index, intake, consumer, clock, state, figures, logs_activity, telemetry };
            spawn(format!("rhai-lane-{index}"), index, move || {
                let run = || drive(busy, Lane::new(make_handler(), parts));
                let result = panic::catch_unwind(AssertUnwindSafe(run))
                    .map_err(|_| WorkerError::Handler(format!("lane {index} panicked")));
                let _ = lane_ended.unbounded_send(result); // the monitor may have given up on it
            })?;
        }
        Ok(RunningWorker { shutdown: Some(shutdown), grace, ended })
    }

    /// Serves until `shutdown` resolves, then drains: claims nothing more, gives running tasks the
    /// grace period, and releases the remaining tasks.
    ///
    /// Dropping the future shuts down without any grace.
    ///
    /// # Errors
    /// See [`start`](Self::start).
    pub async fn run<H, F>(
        self,
        make_handler: F,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Drained, WorkerError>
    where
        H: Handler + Unpin,
        F: Fn() -> H + Send + Sync + 'static,
    {
        let mut worker = self.start(make_handler).await?;
        let ended = match future::select(pin!(shutdown), &mut worker.ended).await {
            Either::Left(((), _)) => return worker.drain().await,
            Either::Right((ended, _)) => ended,
        };
        flatten(ended)
    }

    fn check_slots(&self) -> Result<(), WorkerError> {
        let Some(running_tasks) = &self.running_tasks else { return Ok(()) };
        let (slots, lanes) = (running_tasks.slots().len(), self.config.lanes);
        if slots < lanes.get() {
            return Err(WorkerError::CrashFile(format!(
                "it has room for {slots} lanes, and the worker has {lanes}"
            )));
        }
        Ok(())
    }
}

impl RunningWorker {
    /// Shuts down as [`Worker::run`] does, and waits until that is done.
    ///
    /// # Errors
    /// Why the worker had to end, if it did so by itself.
    pub async fn drain(mut self) -> Result<Drained, WorkerError> {
        if let Some(shutdown) = self.shutdown.take() {
            let _ = shutdown.send(self.grace); // it may have ended already
        }
        flatten((&mut self.ended).await)
    }
}

fn flatten(ended: Result<Result<Drained, WorkerError>, oneshot::Canceled>) -> Result<Drained, WorkerError> {
    ended.unwrap_or_else(|_| Err(WorkerError::Handler("the monitor thread panicked".into())))
}

/// A thread of a worker counts as busy from before it starts, if the clock is moved by a test.
fn busy_thread(clock: &dyn Clock) -> Option<Busy> {
    clock.activity().map(|activity| activity.begin())
}

/// Drives the future of a worker's thread.
fn drive<F: Future>(busy: Option<Busy>, future: F) -> F::Output {
    match busy {
        Some(busy) => block_on_counted(busy, future),
        None => block_on(future),
    }
}

fn spawn(name: String, lane: usize, run: impl FnOnce() + Send + 'static) -> Result<(), WorkerError> {
    let spawned = thread::Builder::new().name(name).spawn(run);
    spawned.map(drop).map_err(|error| WorkerError::Thread { lane, message: error.to_string() })
}
