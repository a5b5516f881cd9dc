use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, value_parser};
use futures::executor::block_on;
use rhai_dispatcher::transport::{MemoryConfig, MemoryTransport, Transport};
use rhai_dispatcher::{EngineConfig, RhaiDispatcherBuilder, RhaiWorker, WorkerId};

use crate::batch::{Batch, ScriptReader};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::options::{LimitArgs, ModuleArgs, ScriptArgs, ScriptFile, Timeout};
use crate::report::{Console, LiveLog, Printer};

/// Run scripts in this process and print what they return
///
/// Up to 10,000 scripts run at the same time, and a waiting script holds no thread. Returned values go to
/// standard output in the order of the files, one line each: strings as they are, other values as JSON. On a
/// terminal, a script that returns nothing has no line. Lines that scripts print go to standard error immediately,
/// and so do errors. The progress of a single script is shown if standard error is a terminal.
///
/// The scripts run under the worker id `local`. Here `dispatch` reaches only this worker id; for another id it throws
/// an error that the script can catch.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RunCommand {
    /// The scripts; - is one on standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    args: ScriptArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    modules: ModuleArgs,

    /// Print the whole record of each script instead, as one line of JSON
    ///
    /// A script that was refused has no record. Its line has scriptName, status and error.
    #[arg(long)]
    pub(crate) json: bool,

    /// How long each script may take after it is submitted
    #[arg(long, value_name = "DURATION", default_value = "30s", allow_hyphen_values = true)]
    timeout: Timeout,

    /// How many threads run scripts [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024), allow_negative_numbers = true)]
    threads: Option<u16>,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid run hello.rhai
  rhaid run hello.rhai --arg name=Ann --arg count=3
  rhaid run *.rhai --json --timeout 1m30s
  rhaid run call.rhai --allow-host localhost:8080
  rhaid run order.rhai --import modules/
  rhaid run long.rhai --timeout 10m --limit max_operations=10000000000 --limit max_cpu_time=10m
  echo '40 + 2' | rhaid run -

Exit code:
  0 if every script completed, 1 if one failed, 2 if the command line is wrong, 130 after Ctrl-C";

/// The worker id that scripts see.
const WORKER_ID: &str = "local";

impl RunCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let files = ScriptFile::all(self.files)?;
        let timeout = self.timeout.duration();
        // `--timeout` is the only limit on the time of a script.
        let engine = EngineConfig::default();
        let max_wall_time = engine.limits.max_wall_time.max(timeout);
        let engine = engine.with_max_wall_time(max_wall_time).with_limits(&self.limits.into_limits()?);
        // This transport has no other worker: a task for another worker id would wait until its timeout.
        let engine = self.modules.install(engine)?.with_dispatch_to([WORKER_ID.parse::<WorkerId>()?]);
        let (engine, sender, live) = LiveLog::listen(engine);
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
        let dispatcher = RhaiDispatcherBuilder::new()
            .caller_id("rhaid")
            .transport(Arc::clone(&transport))
            .engine(engine.clone())
            .build()?;
        let args = self.args.into_map(dispatcher.config().max_args_bytes)?;

        let interrupt = Interrupt::install(Some(Interrupt::PATIENCE))?;
        let mut worker = RhaiWorker::builder(WORKER_ID).transport(transport).engine(engine);
        if let Some(threads) = self.threads {
            worker = worker.threads(threads.into());
        }
        let _worker = worker.build()?.start().await?;

        let count = files.len();
        let scripts = ScriptReader::start(files, dispatcher.config().max_script_bytes)?;
        let request = dispatcher.new_play_request().worker_id(WORKER_ID).args(args);
        let mut batch = Batch::new(dispatcher, request, interrupt).with_timeout(timeout);
        let console = Console::detect();
        if count == 1 && console.is_terminal() {
            batch = batch.with_live(sender); // shows its progress
        }
        Ok(batch.print(scripts, Printer::new(console, count, self.json).with_live(live)).await)
    }
}
