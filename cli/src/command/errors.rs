use clap::Args;
use futures::executor::block_on;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{FILTER_HELP, FilterArgs, ServerArgs};
use crate::report::{Console, Results, error_table, json};

/// List the errors in which tasks have ended, those of one cause together
///
/// Errors whose texts differ only in numbers, ids and quoted parts have the same FINGERPRINT and are one line, the most
/// frequent first. COUNT has tries that are repeated too. The last task and its message are the example.
///
/// They come from the log that `rhaid activity` lists.
#[derive(Debug, Args)]
#[command(after_help = help())]
pub(crate) struct ErrorsCommand {
    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    server: ServerArgs,

    /// Print a line of JSON for each group
    #[arg(long)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rhaid errors --since 1h
  rhaid errors worker:billing kind:timeout
  rhaid activity fingerprint:3fa9c1d2

Exit code:
  0 if the errors are listed, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

fn help() -> String {
    format!("{FILTER_HELP}\n\n{EXAMPLES}")
}

impl ErrorsCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let filter = self.filter.filter(&[])?;
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let errors = dispatcher.errors(filter).await.map_err(|error| server.explain(error))?;
        let console = Console::detect();
        let results = Results::new(console);
        let exit = match self.json {
            true => results.lines(errors.groups.iter().map(json)),
            false => results.lines(error_table(&errors.groups).lines()),
        };
        if errors.others > 0 {
            console.note(format_args!("{} errors of further groups are left out", errors.others));
        }
        if errors.truncated {
            console.note("older entries were not looked at; narrow the search by --since or worker:ID");
        }
        Ok(exit)
    }
}
