use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::WorkerId;
use serde_json::json;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, worker_id};
use crate::report::{Console, Results};

/// Pause a queue: its workers claim nothing more
///
/// What runs goes on, and tasks are still accepted. `rhaid resume` opens it again.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PauseCommand {
    /// The worker id whose queue it is
    #[arg(value_name = "WORKER", value_parser = worker_id)]
    worker_id: WorkerId,

    #[command(flatten)]
    server: ServerArgs,

    /// Print the answer as one line of JSON
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if it is paused, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

impl PauseCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let id = &self.worker_id;
        let set = dispatcher.transport().set_paused(id, true).await;
        set.map_err(|error| server.explain(error))?;
        let line = if self.json {
            json!({ "workerId": id, "paused": true }).to_string()
        } else {
            format!("{id} is paused")
        };
        Ok(Results::new(Console::detect()).lines([line]))
    }
}
