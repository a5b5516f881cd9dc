use clap::Args;
use futures::StreamExt;
use futures::executor::block_on;
use rhai_dispatcher::TaskId;
use rhai_dispatcher::task::TaskEvent;

use crate::batch::Ending;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::ServerArgs;
use crate::report::{Console, LiveLog, Printer, Told};

/// Follow a task: print its lines and its progress while it runs, and then what it returns
///
/// Any process may have submitted the task. Lines that it has printed before come first. Lines, progress and errors
/// go to standard error, the returned value to standard output. After Ctrl-C the task continues.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TailCommand {
    /// The id of the task
    #[arg(value_name = "ID")]
    id: TaskId,

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
        let (_, live) = LiveLog::of_events();
        let mut printer = Printer::new(Console::detect(), 1, false).with_live(live).with_progress();
        let (name, mut events) = (self.id.to_string().into(), dispatcher.events(self.id));
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
