use clap::{Parser, Subcommand};
use serde_json::json;

use crate::command::{
    ActivityCommand, CallCommand, CancelCommand, CheckCommand, ErrorsCommand, FunctionsCommand,
    HandlersCommand, PauseCommand, QueuesCommand, ResubmitCommand, ResumeCommand, RunCommand, ServeCommand,
    StatusCommand, SubmitCommand, TailCommand, TasksCommand, TokenCommand, WaitCommand, WorkerCommand,
    WorkersCommand,
};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::logging;
#[cfg(feature = "otel")]
use crate::otlp::OtlpExport;
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
        let done = self.command.start().and_then(|started| {
            let done = self.command.execute();
            started.end();
            done
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

/// What runs beside a command.
struct Started {
    #[cfg(feature = "otel")]
    export: Option<OtlpExport>,
}

impl Started {
    /// The command has ended.
    fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(export) = self.export {
            export.end();
        }
    }
}

impl Command {
    /// Starts the log, and the export of spans if there is one.
    fn start(&self) -> Result<Started, CommandError> {
        #[cfg(feature = "otel")]
        if let Self::Worker(command) = self
            && let Some(url) = command.otlp_url()
        {
            let export = OtlpExport::start(url)?;
            logging::start_with(self.default_log(), &export)?;
            return Ok(Started { export: Some(export) });
        }
        logging::start(self.default_log())?;
        Ok(Started {
            #[cfg(feature = "otel")]
            export: None,
        })
    }

    fn execute(self) -> Result<Exit, CommandError> {
        match self {
            Self::Run(command) => command.execute(),
            Self::Check(command) => command.execute(),
            Self::Functions(command) => command.execute(),
            Self::Handlers(command) => command.execute(),
            Self::Worker(command) => command.execute(),
            Self::Serve(command) => command.execute(),
            Self::Token(command) => command.execute(),
            Self::Submit(command) => command.execute(),
            Self::Call(command) => command.execute(),
            Self::Status(command) => command.execute(),
            Self::Wait(command) => command.execute(),
            Self::Tail(command) => command.execute(),
            Self::Cancel(command) => command.execute(),
            Self::Resubmit(command) => command.execute(),
            Self::Tasks(command) => command.execute(),
            Self::Queues(command) => command.execute(),
            Self::Workers(command) => command.execute(),
            Self::Activity(command) => command.execute(),
            Self::Errors(command) => command.execute(),
            Self::Pause(command) => command.execute(),
            Self::Resume(command) => command.execute(),
        }
    }

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
            // It prints how scripts fail itself.
            Self::Run(_) => "warn,rhai_dispatcher::task=off",
            Self::Check(_) | Self::Functions(_) => "warn",
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
    use std::fs;
    use std::path::{Path, PathBuf};

    use clap::error::ErrorKind;
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// Of those in documents, and in the hints of the gateway and its pages.
    #[test]
    fn commands_that_texts_name_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut texts = vec![root.join("README.md")];
        for (folder, ending) in [("docs", "md"), ("gateway/templates", "html"), ("gateway/src", "rs")] {
            files(&root.join(folder), ending, &mut texts);
        }
        let (mut count, mut wrong) = (0, Vec::new());
        for path in texts {
            let text =
                fs::read_to_string(&path).expect("a text").replace("<code>", "`").replace("</code>", "`");
            let spans = text.split('`').skip(1).step_by(2);
            let lines = text.lines().map(|line| line.trim_start_matches("$ ").trim_start_matches("cargo "));
            for command in spans.chain(lines).filter(|command| command.starts_with("rhaid ")) {
                if !cfg!(feature = "otel") && command.contains("--otlp") {
                    continue; // an option of that feature
                }
                // What follows is left to the reader, or is for the shell.
                let is_end = |word: &&str| {
                    word.contains('…')
                        || word.contains("&#")
                        || word.starts_with(['|', '\\', '&', '<', '>', '#'])
                };
                let words = command.split_whitespace().take_while(|word| !is_end(word));
                let words = words.map(|word| word.trim_matches(['\'', '"']));
                let error = Cli::try_parse_from(words).err().map(|error| error.kind());
                if matches!(error, Some(ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand)) {
                    wrong.push(format!("{}: {command}", path.display()));
                }
                count += 1;
            }
        }
        assert!(count > 50, "only {count} were found");
        assert_eq!(wrong, Vec::<String>::new());
    }

    fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("decisions") {
                files(&path, ending, found);
            } else if path.extension().is_some_and(|one| one == ending) {
                found.push(path);
            }
        }
    }
}
