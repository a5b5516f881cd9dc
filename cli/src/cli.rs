use clap::{Parser, Subcommand};

use crate::command::RunCommand;
use crate::exit::Exit;
use crate::logging;
use crate::report::Console;

/// Runs Rhai scripts, many at once, on few threads.
#[derive(Debug, Parser)]
#[command(name = "rhaid", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  RUST_LOG   What is logged to standard error, such as info or rhai_dispatcher_core=debug [default: warn]
  NO_COLOR   Set to anything: no colours, which otherwise appear on a terminal";

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunCommand),
}

impl Cli {
    /// Does what the command line says. What goes wrong is on standard error by then.
    pub(crate) fn execute(self) -> Exit {
        let done = logging::start().and_then(|()| match self.command {
            Command::Run(run) => run.execute(),
        });
        done.unwrap_or_else(|error| {
            Console::detect().command_error(&error);
            error.exit()
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
