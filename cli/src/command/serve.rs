use std::future::Future;
use std::io;
use std::path::{self, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use futures::FutureExt;
use futures::channel::oneshot;
#[cfg(unix)]
use futures::executor::block_on;
use futures::future::{self, Either};
use rhai_dispatcher::metrics::{Metric, TransportMetrics};
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher::worker::WorkerConfig;
use rhai_dispatcher::{EngineConfig, RhaiDispatcherBuilder, RhaiWorker, RhaiWorkerBuilder, WorkerId};
use rhai_dispatcher_gateway::{GatewayBuilder, GatewayError, MetricsText};
#[cfg(unix)]
use rhai_dispatcher_supervision::Supervised;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::time::{sleep, timeout};

use super::worker_beside::{self, WorkerBeside, WorkerEnd};
use crate::backend::Backend;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::metrics::Recorder;
use crate::options::{GatewayArgs, LimitArgs, ModuleArgs, ServerArgs, duration, listen_address, worker_id};
use crate::report::{Console, Results};

/// Serve JSON-RPC 2.0 over WebSocket and HTTP, with a worker beside it
///
/// Without --url the tasks are in the memory of this process: one command, and http://127.0.0.1:8080/ answers. With a
/// server, methods of all its workers can be called, and scripts run in a child process: one that ends it does not end the
/// gateway, and the child is started again.
///
/// On SIGTERM or Ctrl-C it takes no more calls, gives those that run the grace period to end, and drains its worker. A
/// second signal ends it at once.
#[allow(rustdoc::bare_urls, reason = "its comments are help on a terminal")]
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeCommand {
    /// The address to listen on; without tokens it has to be one of this machine alone
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = listen_address)]
    listen: String,

    /// A folder of methods: each public function of DIR/NAME.rhai is the method NAME.FUNCTION
    ///
    /// A file that changes is read again, without an effect on calls that run.
    #[arg(long, value_name = "DIR")]
    handlers: Option<PathBuf>,

    /// The worker id of the worker beside the gateway, and of scripts that name none
    #[arg(long, value_name = "ID", default_value = "main", value_parser = worker_id)]
    id: WorkerId,

    /// Serve without a worker beside the gateway: those of the server run all tasks
    #[arg(long, conflicts_with = "handlers")]
    no_worker: bool,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    gateway: GatewayArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    modules: ModuleArgs,

    /// How many threads run scripts [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024), allow_negative_numbers = true)]
    threads: Option<u16>,

    /// How many threads serve connections and talk to the server
    ///
    /// With one, a call wakes no other thread on its way. More are worth while once that thread takes all of its processor.
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u16).range(1..=1024), allow_negative_numbers = true)]
    gateway_threads: u16,

    /// How long running calls and scripts may continue after a signal
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, allow_hyphen_values = true)]
    grace: Duration,

    /// Run the scripts in this process, without a child
    ///
    /// Without a server this is always so, since the tasks are in the memory of this process. A script that ends the process
    /// then ends the gateway.
    #[arg(long)]
    no_supervise: bool,

    /// Print a line of JSON to standard output when it serves, when it drains, and when it has drained
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid serve --handlers api/
  rhaid serve --url redis://127.0.0.1/ --no-worker --listen 127.0.0.1:9000
  curl -H 'content-type: application/json' -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"play\",\"params\":[\"40 + 2\"]}' \\
    http://127.0.0.1:8080/rpc

Exit code:
  0 after it has drained, 1 if it can't listen or abandoned a script, 2 if the command line is wrong, 3 if the server
  refuses, 130 after a second signal";

impl ServeCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        #[cfg(unix)]
        if Supervised::is_this_process() {
            return self.work_for_gateway();
        }
        // A grace period may be long, so only a second signal cuts it short.
        let interrupt = Interrupt::install(None)?;
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(self.gateway_threads.into())
            .enable_all()
            .thread_name("rhaid-gateway")
            .build();
        let runtime = runtime.map_err(|source| CommandError::System { doing: "starting threads", source })?;
        runtime.block_on(self.run(interrupt))
    }

    /// What the child does: it is the worker beside the gateway, which is its parent.
    #[cfg(unix)]
    fn work_for_gateway(self) -> Result<Exit, CommandError> {
        let (interrupt, drain) = Interrupt::by_supervisor()?;
        let supervised = Supervised::tie(drain).map_err(|source| CommandError::System {
            doing: "opening the memory that is shared with the gateway (--no-supervise avoids it)",
            source,
        })?;
        let table = Arc::new(supervised.into_table());
        block_on(async {
            let backend = self.server.clone().backend()?;
            let transport = backend.transport()?;
            let worker = self.worker(transport, self.engine()?).running_tasks(table).build()?;
            Ok(worker_beside::run(worker, interrupt.raised(), &backend).await?.exit)
        })
    }

    fn engine(&self) -> Result<EngineConfig, CommandError> {
        let limits = self.limits.clone().into_limits()?;
        self.modules.clone().install(EngineConfig::default().with_limits(&limits))
    }

    fn worker(&self, transport: Arc<dyn Transport>, engine: EngineConfig) -> RhaiWorkerBuilder {
        let threads = self.threads.map_or(WorkerConfig::default().lanes.get(), usize::from);
        let worker = RhaiWorker::builder(self.id.as_str()).transport(transport).engine(engine);
        let worker = worker.threads(threads).grace(self.grace);
        match &self.handlers {
            // A later change of the working directory has no effect.
            Some(folder) => worker.handlers_folder(path::absolute(folder).unwrap_or_else(|_| folder.clone())),
            None => worker,
        }
    }

    /// The worker beside the gateway. A script can end the process that runs it, so it is a child where the tasks are on a
    /// server.
    fn worker_beside(
        &self,
        backend: &Backend,
        transport: Arc<dyn Transport>,
        engine: EngineConfig,
    ) -> Result<WorkerBeside, CommandError> {
        if self.no_worker {
            return Ok(WorkerBeside::Absent);
        }
        #[cfg(unix)]
        if let (Backend::Server(server), false) = (backend, self.no_supervise) {
            return Ok(WorkerBeside::Child(server.clone()));
        }
        Ok(WorkerBeside::Here(Box::new(self.worker(transport, engine).build()?)))
    }

    async fn run(self, interrupt: Interrupt) -> Result<Exit, CommandError> {
        // Whatever counts is made after it.
        let recorder = Arc::new(Recorder::install()?);
        rhai_dispatcher_gateway::METRICS.iter().for_each(Metric::describe);
        let backend = self.server.clone().backend()?;
        if let (Backend::Memory(_), true) = (&backend, self.no_worker) {
            let problem = "without --url the tasks are in the memory of this process, where no other worker can run them";
            return Err(CommandError::usage("--no-worker", problem));
        }
        let engine = self.engine()?;
        let transport = backend.transport()?;
        let dispatcher = RhaiDispatcherBuilder::new().caller_id("rhaid").transport(transport.clone());
        let dispatcher = dispatcher.engine(engine.clone()).build()?;
        let default_id = (!self.no_worker).then(|| self.id.clone());
        let scheme = self.gateway.scheme();
        let gateway = self.gateway.clone().set(GatewayBuilder::new().dispatcher(dispatcher), default_id)?;
        let queue = (!self.no_worker).then(|| TransportMetrics::new(transport.clone(), self.id.clone()));
        let gateway = gateway.metrics(metrics_text(Arc::clone(&recorder), queue));
        let gateway = gateway.shutdown_grace(self.grace).build()?;
        let refused = |error: io::Error| {
            let hint = "give an address of this host with a free port, such as 127.0.0.1:0 for any";
            CommandError::usage("--listen <ADDRESS:PORT>", format!("{}: {error}; {hint}", self.listen))
        };
        let listener = TcpListener::bind(&self.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        gateway.check_address(address)?;
        let announces = transport.clone();
        let worker = self.worker_beside(&backend, transport, engine)?;
        let worker_serves = worker.exists();
        let console = Console::detect();
        let results = Results::new(console);
        let say = |line: serde_json::Value| {
            if self.json {
                let _ = results.line(line.to_string()); // it also serves when standard output is closed
            }
        };
        let (stop_worker, worker_stops) = oneshot::channel::<()>();
        let shutdown = async {
            interrupt.raised().await;
            say(json!({ "event": "draining" }));
            console.note("draining; another signal ends it at once");
        };
        let serve = async {
            if worker_serves {
                // Clients that connect meanwhile wait. A worker that can't serve ends the gateway before it says that it serves.
                let announced = timeout(ANNOUNCED_WITHIN, announced(&*announces, &self.id));
                future::select(pin!(announced), interrupt.raised()).await;
            }
            console.note(format_args!(
                "serving {scheme}://{address}/ with tasks in {backend}; Ctrl-C or SIGTERM drains it"
            ));
            say(
                json!({ "event": "serving", "url": format!("{scheme}://{address}/"), "backend": backend.to_string() }),
            );
            gateway.serve(listener, shutdown).await?;
            drop(stop_worker);
            Ok(())
        };
        let work = worker.run(worker_stops.map(drop), &backend);
        let served = both(serve, work);
        let Either::Left((served, _)) = future::select(pin!(served), pin!(recorder.gather())).await;
        let WorkerEnd { exit, abandoned } = served??;
        let mut drained = json!({ "event": "drained" });
        if let Some(abandoned) = abandoned {
            drained["abandoned"] = json!(abandoned);
        }
        say(drained);
        if exit == Exit::Success {
            console.note("drained");
        }
        Ok(exit)
    }
}

/// What `/metrics` answers, with the figures of the queue of the worker beside the gateway.
fn metrics_text(recorder: Arc<Recorder>, queue: Option<TransportMetrics>) -> MetricsText {
    let queue = queue.map(Arc::new);
    MetricsText::new(move || {
        let (recorder, queue) = (Arc::clone(&recorder), queue.clone());
        async move {
            if let Some(queue) = queue {
                queue.sample().await;
            }
            recorder.text()
        }
        .boxed()
    })
}

/// How long the gateway waits until the worker beside it has announced its methods: longer than the worker tries to reach
/// its server, 5 s unless `call_timeout` of the URL says so.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(30);

/// Resolves when an instance of the worker id has announced what it has: before that, its methods are not found.
async fn announced(transport: &dyn Transport, worker_id: &WorkerId) {
    /// An announcement takes about a millisecond in memory.
    const PAUSE: Duration = Duration::from_millis(5);
    loop {
        let instances = transport.instances(Some(worker_id)).await;
        if instances.is_ok_and(|instances| instances.iter().any(|instance| instance.description.is_some())) {
            return;
        }
        sleep(PAUSE).await;
    }
}

/// Serves until the gateway has ended and its worker after it. A worker that ends by itself ends the gateway.
async fn both(
    serve: impl Future<Output = Result<(), GatewayError>>,
    work: impl Future<Output = Result<WorkerEnd, CommandError>>,
) -> Result<Result<WorkerEnd, CommandError>, GatewayError> {
    let (serve, work) = (pin!(serve), pin!(work));
    match future::select(serve, work).await {
        Either::Left((served, work)) => {
            served?;
            Ok(work.await)
        }
        Either::Right((worked, _)) => Ok(worked),
    }
}
