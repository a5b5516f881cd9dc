use std::time::Duration;

use clap::Args;
use futures::executor::block_on;

use crate::batch::{Batch, ScriptReader};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::options::{RequestArgs, ServerArgs, Target, Timeout};
use crate::report::{Console, LiveLog, Printer};

/// Submit a script to a worker, or call a method of it, wait for the end, and print what it returns
///
/// The returned value goes to standard output: a string as it is, every other value as JSON. Lines that the
/// script prints go to standard error while it runs, and so do errors. Its progress is shown if standard error is a
/// terminal. At the timeout, and after Ctrl-C, the command cancels the
/// task. A task with a --request-id continues, because other callers may wait for it too.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CallCommand {
    #[command(flatten)]
    request: RequestArgs,

    #[command(flatten)]
    server: ServerArgs,

    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "30s", allow_hyphen_values = true)]
    timeout: Timeout,

    /// Print the whole record of the task instead, as one line of JSON
    ///
    /// A script without a record has a line with scriptName, status and error.
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid call --worker worker-1 hello.rhai --arg name=Ann
  echo '40 + 2' | rhaid call --worker worker-1 - --timeout 5s
  rhaid call --worker worker-1 hello.rhai --limit max_operations=100000
  rhaid call --worker billing --method billing.charge --arg cents=500
  rhaid call --worker billing --method billing.charge --params '[500, \"eur\"]'

Exit code:
  0 if the script completed, 1 if it failed, was cancelled or took too long, 2 if the command line is wrong,
  3 if the server can't be reached or refuses, 130 after Ctrl-C";

impl CallCommand {
    /// How long after the timeout the task's own deadline is. The command cancels the task before that.
    const SLACK: Duration = Duration::from_secs(1);

    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let target = self.request.target()?;
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let interrupt = Interrupt::install(Some(Interrupt::PATIENCE))?;
        let timeout = self.timeout.duration();
        let keep = self.request.may_join();
        // The deadline ends the task if this process is killed before it can cancel the task.
        // The list protocol has no deadlines.
        let useful_for = (!keep && !server.is_list()).then(|| timeout.saturating_add(Self::SLACK));
        let request = self.request.request(&dispatcher, useful_for)?;
        let max_bytes = dispatcher.config().max_script_bytes;
        let (sender, live) = LiveLog::of_events();
        let batch = Batch::new(dispatcher, request, interrupt).with_timeout(timeout).with_keep(keep);
        let batch = batch.with_live(sender);
        let printer = Printer::new(Console::detect(), 1, self.json).with_live(live);
        Ok(match target {
            Target::Script(file) => batch.print(ScriptReader::start(vec![file], max_bytes)?, printer).await,
            Target::Method(method) => batch.print_call(&method, printer).await,
        })
    }
}
