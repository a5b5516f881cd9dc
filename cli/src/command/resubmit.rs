use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::{Invalid, RhaiDispatcherError, TaskId};
use serde_json::json;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, task_id};
use crate::report::{Console, Results};

/// Submit a finished task again, and print the id of the new task
///
/// The new one has the same worker id, script, arguments, limits, context and priority; it has no request id,
/// delay, expiry or retries.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ResubmitCommand {
    /// The id of the task
    #[arg(value_name = "ID", value_parser = task_id)]
    id: TaskId,

    #[command(flatten)]
    server: ServerArgs,

    /// Print the new id as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if the new task is queued, 1 if the task has not ended or is not known, 2 if the command line is wrong, 3 if
  the server can't be reached or refuses";

impl ResubmitCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let id = match dispatcher.resubmit(self.id).await {
            Ok(id) => id,
            // The command line is right; the task is not in a state to be resubmitted.
            Err(RhaiDispatcherError::Invalid(Invalid { problem, hint, .. })) => {
                return Err(CommandError::NotReady(format!("{problem}; {hint}")));
            }
            Err(error) => return Err(server.explain(error)),
        };
        let line = if self.json {
            json!({ "taskId": id, "resubmitted": self.id }).to_string()
        } else {
            id.to_string()
        };
        Ok(Results::new(Console::detect()).lines([line]))
    }
}
