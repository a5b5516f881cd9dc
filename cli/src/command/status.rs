use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::TaskStatus;
use rhai_dispatcher::list_bridge::Found;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, TaskRef};
use crate::report::{Console, ListRecord, Record, Results, RunReport, json};

/// Print the record of a task and, while it runs, what it does and where in its script
///
/// The worker that runs the task is asked, and has a second to answer.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct StatusCommand {
    /// The id of the task, or the id that a client of the list protocol gave it
    #[arg(value_name = "ID")]
    id: TaskRef,

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
        let details = match self.id {
            TaskRef::Task(id) => {
                let dispatcher = server.connect().await?;
                dispatcher.status(id).await.map_err(|error| server.explain(error))?
            }
            TaskRef::List(id) => {
                let found = server.list_tasks()?.find(&id).await.map_err(|error| server.explain(error))?;
                match found.ok_or(CommandError::UnknownList(id))? {
                    Found::Task(details) => *details,
                    Found::Hash(details) => {
                        return Ok(ListRecord(&details).print(Console::detect(), self.json));
                    }
                }
            }
        };
        let run = match details.status {
            TaskStatus::Processing => Some(server.connect().await?.inspect(details.task_id).await),
            _ => None,
        };
        let report = RunReport::new(&details, run);
        let lines = match self.json {
            true => vec![json(&report)],
            false => Record(&details).lines().into_iter().chain(report.lines()).collect(),
        };
        let printed = Results::new(Console::detect()).lines(lines);
        Ok(match details.status {
            TaskStatus::Error | TaskStatus::Cancelled => Exit::Failure,
            _ => printed,
        })
    }
}
