use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::{RhaiDispatcherError, TaskId};

use crate::batch::Ending;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, Timeout, task_id};
use crate::report::{Console, Printer};

/// Wait for the end of a task and print what it returns, as `rhaid call` does
///
/// Any process may have submitted the task, and it may have ended already. After the timeout, and after
/// Ctrl-C, the task continues.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WaitCommand {
    /// The id of the task
    #[arg(value_name = "ID", value_parser = task_id)]
    id: TaskId,

    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "30s", allow_hyphen_values = true)]
    timeout: Timeout,

    #[command(flatten)]
    server: ServerArgs,

    /// Print the whole record instead, as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if the task completed, 1 if it failed, was cancelled, is not known or has not ended in time, 2 if
  the command line is wrong, 3 if the server can't be reached or refuses";

impl WaitCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let console = Console::detect();
        match dispatcher.wait(self.id, self.timeout.duration()).await {
            Ok(details) => {
                let mut printer = Printer::new(console, 1, self.json);
                if printer.ending(&Ending::of_record(details)).is_break() {
                    return Ok(Exit::Failure);
                }
                Ok(printer.finish())
            }
            Err(error @ RhaiDispatcherError::Timeout(_)) if !dispatcher.transport().health().connected => {
                Err(server.lost(&error))
            }
            Err(RhaiDispatcherError::Timeout(timed_out)) => {
                let why = timed_out.progress().to_string();
                Err(CommandError::TimedOut { id: self.id, timeout: self.timeout, why })
            }
            Err(error) => Err(server.explain(error)),
        }
    }
}
