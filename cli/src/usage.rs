use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// An error of the command line, with the right form where clap suggests a wrong one.
///
/// Of an unknown option it says that it could be passed as a value. Where a command takes its argument without an option,
/// as `rhaid pause worker-1`, the command's own form is of more use.
pub(crate) fn explained(mut error: Error, command: &Command, name: Option<&str>) -> Error {
    if error.kind() != ErrorKind::UnknownArgument || error.get(ContextKind::SuggestedArg).is_some() {
        return error;
    }
    let Some(command) = name.and_then(|name| command.find_subcommand(name)) else { return error };
    let arguments: Vec<_> = command
        .get_positionals()
        .flat_map(|argument| argument.get_value_names().unwrap_or_default())
        .map(|value| format!("<{value}>"))
        .collect();
    if !arguments.is_empty() {
        let (command, arguments) = (command.get_name(), arguments.join(" "));
        let tip = format!("{arguments} is given without an option: `rhaid {command} {arguments}`");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}
