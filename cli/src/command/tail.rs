use clap::Args;
use futures::StreamExt;
use futures::executor::block_on;
use rhai_dispatcher::list_bridge::{Found, ListId};
use rhai_dispatcher::task::TaskEvent;

use crate::batch::Ending;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, TaskRef};
use crate::report::{Console, ListRecord, LiveLog, Printer, Told};
use crate::server::Server;

/// Follow a task: print its lines and its progress while it runs, and then what it returns
///
/// Any process may have submitted the task. One of the list protocol that no worker has taken yet is printed at its end. Lines that it has printed before come first. Lines, progress and errors
/// go to standard error, the returned value to standard output. After Ctrl-C the task continues.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TailCommand {
    /// The id of the task, or the id that a client of the list protocol gave it
    #[arg(value_name = "ID")]
    id: TaskRef,

    #[command(flatten)]
    server: ServerArgs,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if the task completed, 1 if it failed, was cancelled or is not known, 2 if the command line is wrong, 3 if the
  server can't be reached or refuses";

impl TailCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let id = match &self.id {
            TaskRef::Task(id) => *id,
            TaskRef::List(id) => match find(&server, id).await? {
                Found::Task(details) => details.task_id,
                Found::Hash(details) => {
                    return Ok(ListRecord(&details).print_outcome(Console::detect(), false));
                }
            },
        };
        let (_, live) = LiveLog::of_events();
        let mut printer = Printer::new(Console::detect(), 1, false).with_live(live).with_progress();
        let (name, mut events) = (self.id.to_string().into(), dispatcher.events(id));
        while let Some(event) = events.next().await {
            match event.map_err(|error| server.explain(error))? {
                TaskEvent::Ended(details) => {
                    let broken = printer.ending(&Ending::of_record(*details)).is_break();
                    return Ok(if broken { Exit::Failure } else { printer.finish() });
                }
                event => {
                    if let Some(told) = Told::of_event(event) {
                        printer.tell(&name, &told);
                    }
                }
            }
        }
        Ok(Exit::Failure) // the last event is the end, or an error
    }
}

/// What an id of the list protocol stands for: the task that runs it, or its outcome. Waits for the end if no worker has taken
/// it.
async fn find(server: &Server, id: &ListId) -> Result<Found, CommandError> {
    let tasks = server.list_tasks()?;
    let found = tasks.find(id).await.map_err(|error| server.explain(error))?;
    let found = match found {
        Some(Found::Hash(details)) if !details.status.is_terminal() => {
            tasks.outcome(id).await.map_err(|error| server.explain(error))?
        }
        found => found,
    };
    found.ok_or_else(|| CommandError::UnknownList(id.clone()))
}
