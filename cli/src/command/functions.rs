use clap::Args;
use rhai_dispatcher::EngineConfig;
use rhai_dispatcher::engine::{FunctionDoc, function_names, nearest, rhai_function_names};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::all_functions;
use crate::report::{Console, Results, markdown, page, summary, summary_of};

/// Print the functions that scripts can call
///
/// With a name, prints the description of that function: its signatures, what it does, its errors, and an example. With a
/// part of names, prints the functions that have it.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct FunctionsCommand {
    /// The function, or a part of its name
    #[arg(value_name = "NAME", conflicts_with = "markdown")]
    name: Option<String>,

    /// Print the whole reference as Markdown, as in docs/scripting.md
    #[arg(long)]
    markdown: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid functions
  rhaid functions await_all
  rhaid functions base64

Exit code:
  0, or 2 if no function has that in its name";

impl FunctionsCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        let config = all_functions()?;
        let lines = match &self.name {
            Some(name) => about(name, &config)?,
            None if self.markdown => {
                let text = markdown(config.docs(), rhai_function_names().iter().map(String::as_str));
                text.lines().map(str::to_owned).collect()
            }
            None => summary(config.docs()),
        };
        Ok(Results::new(Console::detect()).lines(lines))
    }
}

fn about(name: &str, config: &EngineConfig) -> Result<Vec<String>, CommandError> {
    if let Some(doc) = find(name, config) {
        return Ok(page(doc));
    }
    let names = function_names(config);
    if names.contains(name) {
        return Ok(vec![format!("{name} comes with Rhai: see https://rhai.rs/book/")]);
    }
    let parts = summary_of(config.docs(), |doc| doc.name.contains(name));
    if !name.is_empty() && !parts.is_empty() {
        return Ok(parts);
    }
    let name: String = name.chars().take(64).collect();
    let problem = match nearest(&name, names.iter().map(String::as_str)) {
        Some(nearest) => format!("no function is called `{name}`; did you mean `{nearest}`?"),
        None => format!("no function is called `{name}`; `rhaid functions` prints all"),
    };
    Err(CommandError::usage("[NAME]", problem))
}

/// The description of a function, also for the name of its `_async` form.
fn find(name: &str, config: &EngineConfig) -> Option<&'static FunctionDoc> {
    let base = name.strip_suffix("_async");
    let is_asked = |doc: &&FunctionDoc| doc.name == name || (doc.has_async && Some(doc.name) == base);
    config.docs().iter().flat_map(|docs| docs.iter()).find(is_asked)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Functions of Rhai that behave differently here, or that the reference describes because most scripts need them.
    const ALSO_OF_RHAI: &[&str] = &["debug", "log", "parse_json", "print", "sleep", "to_json"];

    #[test]
    fn each_function_that_is_registered_is_in_the_reference_and_the_other_way_round() {
        let config = all_functions().expect("a configuration");
        let registered = function_names(&config);
        let rhai = rhai_function_names();
        let missing: Vec<_> =
            registered.iter().filter(|name| !rhai.contains(*name) && find(name, &config).is_none()).collect();
        assert!(missing.is_empty(), "these are in no table of docs: {missing:?}");
        for doc in config.docs().iter().flat_map(|docs| docs.iter()) {
            assert!(registered.contains(doc.name), "{} is written about, and not registered", doc.name);
            let has_async = registered.contains(&format!("{}_async", doc.name));
            assert_eq!(has_async, doc.has_async, "{}_async", doc.name);
            if rhai.contains(doc.name) {
                let is_setter = doc.does.starts_with("Sets ");
                assert!(ALSO_OF_RHAI.contains(&doc.name) || is_setter, "{} is one of Rhai's", doc.name);
            }
        }
        let twice: Vec<_> = config.docs().iter().flat_map(|docs| docs.iter()).map(|doc| doc.name).collect();
        assert_eq!(twice.iter().collect::<BTreeSet<_>>().len(), twice.len(), "a function is in two tables");
    }
}
