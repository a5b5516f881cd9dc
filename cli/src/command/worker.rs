use std::cell::OnceCell;
use std::path::{self, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use futures::executor::block_on;
#[cfg(feature = "otel")]
use rhai_dispatcher::opentelemetry::OpenTelemetry;
use rhai_dispatcher::worker::{RunningTasks, WorkerConfig};
use rhai_dispatcher::{EngineConfig, RhaiWorker, WorkerId};
#[cfg(unix)]
use rhai_dispatcher_supervision::Supervised;
use serde_json::json;

#[cfg(unix)]
use super::supervise::supervise;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
#[cfg(feature = "otel")]
use crate::options::OtlpArgs;
use crate::options::{LimitArgs, ListArgs, ModuleArgs, ServerArgs, duration, worker_id};
use crate::report::{Console, Results};

/// Serve a worker id: run the scripts that are submitted to it
///
/// On SIGTERM or Ctrl-C the worker claims nothing more, gives running scripts the grace period to end, and
/// releases its other tasks, which other workers of the same id then run. A second signal ends the worker at once;
/// its tasks run elsewhere when its lease has expired. The log goes to standard error, filtered by RUST_LOG
/// [default: info].
///
/// Programs with a plain Redis client submit scripts by HSET, LPUSH and BLPOP: the list protocol, of which
/// docs/list-protocol.md shows clients. --no-list turns it off.
///
/// The scripts run in a child process. If it dies, only the scripts that were on a processor at that moment are
/// quarantined; all other scripts run again at once. The worker restarts the child after 100 ms, and doubles the
/// pause at each further death, up to 30 s. The pause is 100 ms again after the child has lived for a minute.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WorkerCommand {
    /// The worker id to serve; many workers may serve one
    #[arg(long, value_name = "ID", value_parser = worker_id)]
    id: WorkerId,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    modules: ModuleArgs,

    #[command(flatten)]
    list: ListArgs,

    #[cfg(feature = "otel")]
    #[command(flatten)]
    otlp: OtlpArgs,

    /// A folder whose scripts have methods: each public function of DIR/NAME.rhai is the method NAME.FUNCTION
    ///
    /// A file that changes is read again, without an effect on calls that run. A file with an error keeps its last good
    /// version; the log has the error. See `rhaid handlers`.
    #[arg(long, value_name = "DIR")]
    handlers: Option<PathBuf>,

    /// How many threads run scripts [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024), allow_negative_numbers = true)]
    threads: Option<u16>,

    /// How long running scripts may continue after a signal
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, allow_hyphen_values = true)]
    grace: Duration,

    /// Do not log how tasks end on this worker: `rhaid activity` and `rhaid errors` do not have them
    #[arg(long)]
    no_activity: bool,

    /// Run the scripts in this process, without a child
    ///
    /// If the process dies, its scripts run elsewhere when its lease has expired, and it is not restarted.
    #[arg(long)]
    no_supervise: bool,

    /// Print a line of JSON to standard output when it serves, when it drains, and when it has drained
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid worker --url redis://127.0.0.1/ --id worker-1
  RHAID_URL=redis://:secret@redis.internal/ rhaid worker --id worker-1 --threads 4 --grace 30s
  rhaid worker --url redis://127.0.0.1/ --id billing --handlers api/
  STRIPE_API_KEY=sk_test_... rhaid worker --url redis://127.0.0.1/ --id billing --secret STRIPE_API_KEY

Exit code:
  0 after the worker has drained, 1 if it abandoned a script, 2 if the command line is wrong, 3 if the
  server can't be reached or refuses, 130 after a second signal, 128 and the signal if a signal ends
  the child while it drains";

impl WorkerCommand {
    /// The collector that gets the spans of this process. A supervisor runs no tasks.
    #[cfg(feature = "otel")]
    pub(crate) fn otlp_url(&self) -> Option<&str> {
        #[cfg(unix)]
        if !self.no_supervise && !Supervised::is_this_process() {
            return None;
        }
        self.otlp.url()
    }

    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        #[cfg(unix)]
        {
            if Supervised::is_this_process() {
                let (interrupt, drain) = Interrupt::supervised()?;
                let supervised = Supervised::tie(drain).map_err(|source| CommandError::System {
                    doing: "opening the memory that is shared with the supervisor (--no-supervise avoids it)",
                    source,
                })?;
                return block_on(self.run(interrupt, Some(Arc::new(supervised.into_table()))));
            }
            if !self.no_supervise {
                return supervise(self.server.server()?);
            }
        }
        // A grace period may be long, so only a second signal cuts it short.
        block_on(self.run(Interrupt::install(None)?, None))
    }

    async fn run(
        self,
        interrupt: Interrupt,
        running_tasks: Option<Arc<dyn RunningTasks>>,
    ) -> Result<Exit, CommandError> {
        let Self { id, grace, .. } = self;
        let server = self.server.server()?;
        let threads = self.threads.map_or(WorkerConfig::default().lanes.get(), usize::from);
        let engine =
            self.modules.install(EngineConfig::default().with_limits(&self.limits.into_limits()?))?;
        let transport = server.transport()?;
        server.note_reach();
        let bridge = self.list.bridge(&transport, &id)?;
        let worker = RhaiWorker::builder(id.as_str()).transport(Arc::new(transport));
        let mut worker = worker.engine(engine).threads(threads).grace(grace).activity(!self.no_activity);
        if let Some(running_tasks) = running_tasks {
            worker = worker.running_tasks(running_tasks);
        }
        #[cfg(feature = "otel")]
        if self.otlp.url().is_some() {
            worker = worker.tracer(Arc::new(OpenTelemetry));
        }
        if let Some(folder) = self.handlers {
            // A later change of the working directory has no effect.
            worker = worker.handlers_folder(path::absolute(&folder).unwrap_or(folder));
        }
        let worker = worker.build()?;
        let console = Console::detect();
        let results = Results::new(console);
        let say = |line: serde_json::Value| {
            if self.json {
                let _ = results.line(line.to_string()); // the worker also serves when standard output is closed
            }
        };

        let serving_lists = OnceCell::new();
        let shutdown = async {
            // It serves by now.
            if let Some(bridge) = bridge {
                let _ = serving_lists.set(bridge.start()); // it is the only one
            }
            let s = if threads == 1 { "" } else { "s" };
            console.note(format_args!(
                "serving {id} from {server} on {threads} thread{s}; Ctrl-C or SIGTERM drains it"
            ));
            let url = server.to_string();
            say(json!({ "event": "serving", "workerId": &id, "url": url, "threads": threads }));
            interrupt.raised().await;
            if let Some(bridge) = serving_lists.get() {
                bridge.stop_taking();
            }
            say(json!({ "event": "draining", "workerId": &id }));
            let grace = humantime::format_duration(grace);
            console.note(format_args!(
                "draining: running scripts have {grace} to end; another signal ends it at once"
            ));
        };
        let drained = worker.run(shutdown).await;
        if let Some(bridge) = serving_lists.into_inner() {
            bridge.drain().await;
        }
        let drained = drained.map_err(|error| server.explain_worker(error))?;
        let (abandoned, released) = (drained.abandoned, drained.released);
        say(json!({ "event": "drained", "workerId": &id, "abandoned": abandoned, "released": released }));
        let s = if released == 1 { "" } else { "s" };
        let released = (released > 0).then(|| format!(": released {released} task{s} to other workers"));
        let released = released.unwrap_or_default();
        console.note(format_args!("drained{released}"));
        if abandoned > 0 {
            console.error(format_args!(
                "{abandoned} scripts did not stop in time and were abandoned; they run again elsewhere"
            ));
            return Ok(Exit::Failure);
        }
        Ok(Exit::Success)
    }
}
