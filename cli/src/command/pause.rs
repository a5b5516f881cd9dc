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
/// Running tasks continue, and the queue still accepts tasks. `rhaid resume` opens the queue again. A worker id
/// that no worker or task has used yet can be paused too: tasks for it then wait.
#[derive(Debug, Args)]
#[command(after_help = AFTER_PAUSE)]
pub(crate) struct PauseCommand {
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
}

/// Resume a queue that is paused
#[derive(Debug, Args)]
#[command(after_help = AFTER_RESUME)]
pub(crate) struct ResumeCommand {
    #[command(flatten)]
    pub(crate) queue: QueueArgs,
}

const AFTER_PAUSE: &str = "\
Exit code:
  0 if the queue is paused, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

const AFTER_RESUME: &str = "\
Exit code:
  0 if the queue is open, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

/// The queue to pause or resume.
#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    /// The worker id whose queue it is
    #[arg(value_name = "WORKER", value_parser = worker_id)]
    worker_id: WorkerId,

    #[command(flatten)]
    server: ServerArgs,

    /// Print the answer as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl PauseCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.queue.set_paused(true))
    }
}

impl ResumeCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.queue.set_paused(false))
    }
}

impl QueueArgs {
    async fn set_paused(self, paused: bool) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let id = &self.worker_id;
        let set = dispatcher.transport().set_paused(id, paused).await;
        set.map_err(|error| server.explain(error))?;
        let line = match (self.json, paused) {
            (true, _) => json!({ "workerId": id, "paused": paused }).to_string(),
            (false, true) => format!("{id} is paused"),
            (false, false) => format!("{id} is open"),
        };
        Ok(Results::new(Console::detect()).lines([line]))
    }
}
