use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::{TaskId, TaskStatus};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, task_id};
use crate::report::{Console, Record, Results, json};

/// Print the record of a task
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct StatusCommand {
    /// The id of the task
    #[arg(value_name = "ID", value_parser = task_id)]
    id: TaskId,

    #[command(flatten)]
    server: ServerArgs,

    /// Print the whole record as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if the task waits, runs or has completed, 1 if it failed, was cancelled or is not known, 2 if the
  command line is wrong, 3 if the server can't be reached or refuses";

impl StatusCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let details = dispatcher.status(self.id).await.map_err(|error| server.explain(error))?;
        let lines = if self.json { vec![json(&details)] } else { Record(&details).lines() };
        let printed = Results::new(Console::detect()).lines(lines);
        Ok(match details.status {
            TaskStatus::Error | TaskStatus::Cancelled => Exit::Failure,
            _ => printed,
        })
    }
}
