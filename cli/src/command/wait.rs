use clap::Args;
use futures::executor::block_on;
use futures::future::{self, Either};
use rhai_dispatcher::list_bridge::{Found, ListId};
use rhai_dispatcher::transport::Transport;
use rhai_dispatcher::{RhaiDispatcherError, RhaiTaskDetails, TaskId};

use crate::batch::Ending;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, TaskRef, Timeout};
use crate::report::{Console, ListRecord, Printer};
use crate::server::Server;

/// Wait for the end of a task and print what it returns, as `rhaid call` does
///
/// Any process may have submitted the task, and it may have ended already. After the timeout, and after
/// Ctrl-C, the task continues.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WaitCommand {
    /// The id of the task, or the id that a client of the list protocol gave it
    #[arg(value_name = "ID")]
    id: TaskRef,

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
        let server = self.server.clone().server()?;
        match &self.id {
            TaskRef::Task(id) => {
                let details = self.wait_for_task(&server, *id).await?;
                Ok(self.print(details))
            }
            TaskRef::List(id) => match self.wait_for_list(&server, id).await? {
                Found::Task(details) => Ok(self.print(*details)),
                Found::Hash(details) => Ok(ListRecord(&details).print_outcome(Console::detect(), self.json)),
            },
        }
    }

    async fn wait_for_task(&self, server: &Server, id: TaskId) -> Result<RhaiTaskDetails, CommandError> {
        let dispatcher = server.connect().await?;
        match dispatcher.wait(id, self.timeout.duration()).await {
            Err(error @ RhaiDispatcherError::Timeout(_)) if !dispatcher.transport().health().connected => {
                Err(server.lost(&error))
            }
            Err(RhaiDispatcherError::Timeout(timed_out)) => {
                let why = timed_out.progress().to_string();
                Err(CommandError::TimedOut { id: self.id.clone(), timeout: self.timeout, why })
            }
            waited => waited.map_err(|error| server.explain(error)),
        }
    }

    async fn wait_for_list(&self, server: &Server, id: &ListId) -> Result<Found, CommandError> {
        let transport = server.transport()?;
        let clock = transport.clock();
        let timed_out = clock.sleep_until(clock.now() + self.timeout.duration());
        let tasks = server.list_tasks()?;
        match future::select(Box::pin(tasks.outcome(id)), timed_out).await {
            Either::Left((found, _)) => {
                let found = found.map_err(|error| server.explain(error))?;
                found.ok_or_else(|| CommandError::UnknownList(id.clone()))
            }
            Either::Right(((), _)) => {
                let why = "its worker has written no outcome".to_owned();
                Err(CommandError::TimedOut { id: self.id.clone(), timeout: self.timeout, why })
            }
        }
    }

    fn print(&self, details: RhaiTaskDetails) -> Exit {
        let mut printer = Printer::new(Console::detect(), 1, self.json);
        if printer.ending(&Ending::of_record(details)).is_break() {
            return Exit::Failure;
        }
        printer.finish()
    }
}
