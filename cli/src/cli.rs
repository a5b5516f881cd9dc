use clap::{Parser, Subcommand};
use serde_json::json;

use crate::command::{
    ActivityCommand, CallCommand, CancelCommand, CheckCommand, ErrorsCommand, FunctionsCommand,
    HandlersCommand, PauseCommand, QueuesCommand, ResubmitCommand, ResumeCommand, RunCommand, ServeCommand,
    StatusCommand, SubmitCommand, TailCommand, TasksCommand, TokenCommand, WaitCommand, WorkerCommand,
    WorkersCommand,
};
use crate::exit::Exit;
use crate::logging;
use crate::report::{self, Console, Results};

/// Runs Rhai scripts, many at once, on few threads: here, or on workers over Redis.
#[derive(Debug, Parser)]
#[command(name = "rhaid", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
With --json, a command that can't do its work also prints a line of JSON with an object `error`, which has kind and
message, to standard output. If the command line does not parse, the error is on standard error only.

Environment:
  RUST_LOG   The filter of the log on standard error, such as info or rhai_dispatcher_core=debug [default: warn;
             worker and serve: info]
  RHAID_URL  The server of all commands but run, check, functions and handlers DIR, where --url does not name it;
             serve without one keeps its tasks in memory
  NO_COLOR   Set to anything: no colours, which otherwise appear on a terminal

Control characters:
  Messages, names and JSON contain them as escapes, such as \\u{1b}. Printed lines and results of scripts contain
  them as escapes on a terminal, except line breaks and tabs; a pipe or a file gets them unchanged.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunCommand),
    Check(CheckCommand),
    Functions(FunctionsCommand),
    Handlers(HandlersCommand),
    Worker(WorkerCommand),
    Serve(ServeCommand),
    Token(TokenCommand),
    Submit(SubmitCommand),
    Call(CallCommand),
    Status(StatusCommand),
    Wait(WaitCommand),
    Tail(TailCommand),
    Cancel(CancelCommand),
    Resubmit(ResubmitCommand),
    Tasks(TasksCommand),
    Queues(QueuesCommand),
    Workers(WorkersCommand),
    Activity(ActivityCommand),
    Errors(ErrorsCommand),
    Pause(PauseCommand),
    Resume(ResumeCommand),
}

impl Cli {
    /// Runs the subcommand and returns the exit code. Errors have been printed to standard error by then.
    pub(crate) fn execute(self) -> Exit {
        let json = self.command.json();
        let done = logging::start(self.command.default_log()).and_then(|()| match self.command {
            Command::Run(command) => command.execute(),
            Command::Check(command) => command.execute(),
            Command::Functions(command) => command.execute(),
            Command::Handlers(command) => command.execute(),
            Command::Worker(command) => command.execute(),
            Command::Serve(command) => command.execute(),
            Command::Token(command) => command.execute(),
            Command::Submit(command) => command.execute(),
            Command::Call(command) => command.execute(),
            Command::Status(command) => command.execute(),
            Command::Wait(command) => command.execute(),
            Command::Tail(command) => command.execute(),
            Command::Cancel(command) => command.execute(),
            Command::Resubmit(command) => command.execute(),
            Command::Tasks(command) => command.execute(),
            Command::Queues(command) => command.execute(),
            Command::Workers(command) => command.execute(),
            Command::Activity(command) => command.execute(),
            Command::Errors(command) => command.execute(),
            Command::Pause(command) => command.execute(),
            Command::Resume(command) => command.execute(),
        });
        done.unwrap_or_else(|error| {
            let console = Console::detect();
            console.command_error(&error);
            let exit = error.exit();
            if json {
                let line = report::json(&json!({ "error": error.into_failure() }));
                let _ = Results::new(console).line(line); // `line` prints its own failure
            }
            exit
        })
    }
}

impl Command {
    /// Whether the subcommand prints results and errors as JSON.
    const fn json(&self) -> bool {
        match self {
            Self::Run(command) => command.json,
            Self::Check(command) => command.json,
            Self::Functions(_) | Self::Tail(_) => false,
            Self::Handlers(command) => command.json,
            Self::Worker(command) => command.json,
            Self::Serve(command) => command.json,
            Self::Token(command) => command.json(),
            Self::Submit(command) => command.json,
            Self::Call(command) => command.json,
            Self::Status(command) => command.json,
            Self::Wait(command) => command.json,
            Self::Cancel(command) => command.json,
            Self::Resubmit(command) => command.json,
            Self::Tasks(command) => command.json,
            Self::Queues(command) => command.json,
            Self::Workers(command) => command.json,
            Self::Activity(command) => command.json,
            Self::Errors(command) => command.json,
            Self::Pause(command) => command.queue.json,
            Self::Resume(command) => command.queue.json,
        }
    }

    /// The log filter when `RUST_LOG` is not set.
    const fn default_log(&self) -> &'static str {
        match self {
            Self::Run(_) | Self::Check(_) | Self::Functions(_) => "warn",
            // It prints what is wrong with files itself.
            Self::Handlers(_) => "warn,rhai_dispatcher_handlers=off,rhai_dispatcher_redis::client=off",
            Self::Worker(_) | Self::Serve(_) => "info",
            // These commands print connection errors themselves.
            _ => "warn,rhai_dispatcher_redis::client=off",
        }
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
