use std::path::PathBuf;

use clap::Args;

use super::{folder, served};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{LimitArgs, ServerArgs};

/// List the handlers of the living workers, or check a folder of handlers
///
/// Without DIR: each handler, with its methods and what was counted of their calls. CALLS are the runs that have ended, IN
/// FLIGHT those that run now. SUCCESS is the share of those that completed in those that did not end in a cancel. Times are
/// from the start of a run to its end; the median and P99 are within 6.25 %. Figures are at most a second behind. A method
/// that two worker ids have is listed for each.
///
/// With DIR: each method of the folder with its parameters and its description, as `rhaid worker --handlers DIR` has it.
/// Errors of files go to standard error, with line and column.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct HandlersCommand {
    /// A folder to check; without it the handlers of the living workers are listed
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,

    /// The folder of modules that the scripts of DIR import beside those of DIR, as of `rhaid worker --import`
    #[arg(long = "import", value_name = "DIR", requires = "folder")]
    modules: Option<PathBuf>,

    #[command(flatten)]
    server: ServerArgs,

    /// Print JSON: a line for each handler; of a folder one line, with the handlers and the problems of files
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid handlers --url redis://127.0.0.1/
  rhaid handlers api/
  rhaid handlers api/ --json

Exit code:
  0 if the handlers are listed, or all files are valid; 2 if a file has an error or the command line is wrong;
  3 if the server can't be reached or refuses";

impl HandlersCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        let Self { folder, limits, modules, server, json } = self;
        match folder {
            Some(path) => folder::check(&path, limits, modules.as_deref(), json),
            None if limits.is_empty() => served::list(server, json),
            None => Err(CommandError::usage(
                "--limit <NAME=VALUE>",
                "it is for a folder; name one, or leave it out",
            )),
        }
    }
}
