use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::task::Cancelled;
use rhai_dispatcher::{CancelReason, RhaiDispatcherError};
use serde_json::json;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, TaskRef};
use crate::report::{Console, Results};

/// Cancel a task
///
/// Prints `removed` if the task was waiting and is now cancelled, `requested` if it runs and will stop at its
/// next operation or wait, and `already finished` if it has an outcome. The outcome does not change.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CancelCommand {
    /// The id of the task, or the id that a client of the list protocol gave it
    #[arg(value_name = "ID")]
    id: TaskRef,

    #[command(flatten)]
    server: ServerArgs,

    /// Print the answer as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if the task is cancelled or has already finished, 1 if it is not known, 2 if the command line is
  wrong, 3 if the server can't be reached or refuses";

impl CancelCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let cancelled = match &self.id {
            TaskRef::Task(id) => {
                let dispatcher = server.connect().await?;
                let cancelled = dispatcher.cancel(*id).await.map_err(|error| server.explain(error))?;
                if cancelled == Cancelled::NotFound {
                    return Err(RhaiDispatcherError::NotFound(*id).into());
                }
                cancelled
            }
            TaskRef::List(id) => {
                let cancelled = server.list_tasks()?.cancel(id, CancelReason::Asked).await;
                let cancelled = cancelled.map_err(|error| server.explain(error))?;
                if cancelled == Cancelled::NotFound {
                    return Err(CommandError::UnknownList(id.clone()));
                }
                cancelled
            }
        };
        let line = if self.json {
            json!({ "taskId": self.id.to_string(), "cancelled": cancelled }).to_string()
        } else {
            cancelled.to_string()
        };
        Ok(Results::new(Console::detect()).lines([line]))
    }
}
