use std::path::Path;

use rhai_dispatcher::EngineConfig;
use rhai_dispatcher::handlers::{
    FolderConfig, HandlerInfo, HandlerProblem, HandlersInfo, MethodInfo, ScriptFolder,
};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{LimitArgs, ScriptFile, existing_folder};
use crate::report::{self, Console, Failure, Results};

/// Checks a folder of handlers, and prints its methods.
pub(super) fn check(
    path: &Path,
    limits: LimitArgs,
    modules: Option<&Path>,
    json: bool,
) -> Result<Exit, CommandError> {
    let mut engine = EngineConfig::default().with_limits(&limits.into_limits()?);
    if let Some(modules) = modules {
        engine = engine.with_modules_folder(existing_folder(modules)?);
    }
    let folder = ScriptFolder::open(path, FolderConfig::default(), &engine)
        .map_err(|invalid| CommandError::usage("[DIR]", format!("{}; {}", invalid.problem, invalid.hint)))?;
    let info = folder.describe();
    let console = Console::detect();
    for problem in &info.problems {
        print_problem(console, path, problem, engine.limits.max_script_bytes);
    }
    let lines = match json {
        true => vec![report::json(&info)],
        false => lines(&info),
    };
    match Results::new(console).lines(lines) {
        Exit::Success if info.problems.iter().any(|problem| !problem.is_warning) => Ok(Exit::Usage),
        exit => Ok(exit),
    }
}

fn print_problem(console: Console, folder: &Path, problem: &HandlerProblem, max_bytes: usize) {
    let path = match &problem.file {
        Some(file) => folder.join(file),
        None => folder.to_owned(),
    };
    // Only where there is a place to show.
    let text = problem.line.and_then(|_| ScriptFile::Path(path.clone()).read(max_bytes).text.ok());
    let failure = Failure {
        kind: problem.kind.clone().into(),
        message: problem.message.clone(),
        line: problem.line,
        column: problem.column,
        value: None,
    };
    let name = path.display().to_string();
    match problem.is_warning {
        true => console.warning(&name, text.as_deref(), &failure),
        false => console.failure(&name, text.as_deref(), &failure),
    }
}

/// The handlers, each with its methods.
fn lines(info: &HandlersInfo) -> Vec<String> {
    let mut lines = Vec::new();
    for handler in &info.handlers {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(title(handler));
        lines.extend(handler.methods.iter().flat_map(method));
    }
    lines
}

fn title(handler: &HandlerInfo) -> String {
    let file = handler.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
    match handler.description.lines().next() {
        Some(first) => format!("{}{file}: {first}", handler.name),
        None => format!("{}{file}", handler.name),
    }
}

fn method(method: &MethodInfo) -> Vec<String> {
    let form = |names: Vec<&str>| format!("  {}({})", method.name, names.join(", "));
    let forms = method.forms.iter().map(|form| form.parameters.iter().map(|one| one.name.as_str()).collect());
    let description = method.description.lines().map(|line| format!("      {line}").trim_end().to_owned());
    forms.map(form).chain(description).collect()
}
