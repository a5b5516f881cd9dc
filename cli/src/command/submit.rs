use std::sync::Arc;

use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::RhaiDispatcherError;
use serde_json::json;

use crate::batch::Ending;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{RequestArgs, Script, ServerArgs, Target};
use crate::report::{Console, Printer, Results};

/// Submit a script or the call of a method to a worker, and print the id of its task
///
/// The script is checked first. The task then waits in its queue until a worker claims it. `rhaid wait` prints its
/// result.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct SubmitCommand {
    #[command(flatten)]
    request: RequestArgs,

    #[command(flatten)]
    server: ServerArgs,

    /// Print the id as a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid submit --worker worker-1 nightly.rhai --delay 2h --retries 3
  id=$(echo '40 + 2' | rhaid submit --worker worker-1 -) && rhaid wait $id

Exit code:
  0 if the task is queued, 1 if it is refused, 2 if the command line is wrong, 3 if the server can't be
  reached or refuses";

impl SubmitCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let target = self.request.target()?;
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let mut request = self.request.request(&dispatcher, None)?;
        let console = Console::detect();
        let mut printer = Printer::new(console, 1, self.json);
        let (name, text) = match target {
            Target::Method(method) => (method.into(), None),
            Target::Script(file) => match file.read(dispatcher.config().max_script_bytes) {
                Script { name, text: Ok(text) } => {
                    request = request.script(Arc::clone(&text)).script_name(Arc::clone(&name));
                    (name, Some(text))
                }
                Script { name, text: Err(failure) } => {
                    let _ = printer.ending(&Ending::refused(name, None, failure));
                    return Ok(printer.finish());
                }
            },
        };
        let id = match request.submit().await {
            Ok(id) => id,
            Err(error @ RhaiDispatcherError::Script(_)) => {
                let _ = printer.ending(&Ending::refused(name, text, error.into()));
                return Ok(printer.finish());
            }
            Err(error) => return Err(server.explain(error)),
        };
        let line = if self.json { json!({ "taskId": id }).to_string() } else { id.to_string() };
        Ok(Results::new(console).lines([line]))
    }
}
