use std::path::PathBuf;

use clap::Args;
use rhai_dispatcher::engine::{ScriptChecker, UnknownCall};
use serde_json::json;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{LimitArgs, ScriptFile, all_functions};
use crate::report::{self, Console, Failure, Results};

/// Check scripts as submit does, without running them
///
/// Each file is read and parsed under the limits of a worker. Errors go to standard error, with line and column. A
/// call of a function that neither `rhaid worker` nor the script has is a warning: it is an error when it runs. So is
/// the use of an undefined variable, which is not found here.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckCommand {
    /// The scripts; - is one on standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,

    /// Print a line of JSON for each file, with scriptName, status (ok or error), error and warnings
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid check *.rhai
  rhaid check long.rhai --limit max_script_bytes=1000000

Exit code:
  0 if every script is valid, 2 if a script has an error or the command line is wrong";

impl CheckCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        let files = ScriptFile::all(self.files)?;
        let engine = all_functions()?.with_limits(&self.limits.into_limits()?);
        let max_bytes = engine.limits.max_script_bytes;
        let checker = ScriptChecker::new(engine);
        let (console, count) = (Console::detect(), files.len());
        let results = Results::new(console);
        let mut failed = 0;
        for file in files {
            let script = file.read(max_bytes);
            let text = script.text.as_ref().ok().map(|text| &**text);
            let checked = match &script.text {
                Ok(text) => checker.unknown_calls(text).map_err(Failure::from),
                Err(failure) => Err(failure.clone()),
            };
            if let Err(failure) = &checked {
                failed += 1;
                console.failure(&script.name, text, failure);
            }
            let warnings: Vec<_> = checked.iter().flatten().map(warning).collect();
            for warning in &warnings {
                console.warning(&script.name, text, warning);
            }
            let status = if checked.is_ok() { "ok" } else { "error" };
            let line = json!({
                "scriptName": &*script.name, "status": status, "error": checked.err(), "warnings": warnings,
            });
            if self.json && results.line(report::json(&line)).is_break() {
                return Ok(Exit::Failure);
            }
        }
        if failed > 0 && count > 1 {
            console.error(format_args!("{failed} of {count} scripts have errors"));
        }
        Ok(if failed == 0 { Exit::Success } else { Exit::Usage })
    }
}

fn warning(call: &UnknownCall) -> Failure {
    let mut failure = Failure::new("unknown_function", call.message.clone());
    (failure.line, failure.column) = (call.line, call.column);
    failure
}
