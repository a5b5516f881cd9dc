use std::fmt::Write;

use rhai_dispatcher::engine::{FunctionDoc, ModuleDoc};

/// The reference of all functions, as the Markdown of `docs/scripting.md`. `rhai` has the names of Rhai's functions.
pub(crate) fn markdown<'a>(docs: &[&ModuleDoc], rhai: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = HEAD.to_owned();
    for module in docs {
        let names: Vec<_> = module.iter().map(|doc| format!("[`{0}`](#{0})", doc.name)).collect();
        // A write to a string does not fail.
        let _ = write!(text, "\n## {}\n\n{}\n\n{}\n", module.title, module.about, names.join(", "));
        for doc in module.iter() {
            let _ = write!(text, "\n{}", section(doc));
        }
    }
    let names: Vec<_> = rhai.into_iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(text, "{RHAI}{}", names.join(", "));
    text
}

const HEAD: &str = "\
# Functions of scripts

Every function that a script of `rhaid` can call, with an example that runs. `rhaid functions` prints the same, and
`rhaid functions NAME` one of them. In a program of your own, the functions of a module are there once the module is
installed.

<!-- Made by `rhaid functions --markdown`, of the tables beside the functions' registration. A test compares it. -->
";

const RHAI: &str = "
## Rhai's own

These come with Rhai, and are described in [its book](https://rhai.rs/book/). Those that could hold a thread for long are
replaced by ones that mean the same.

";

fn section(doc: &FunctionDoc) -> String {
    let mut text = format!("### {}\n\n{}\n\n{}\n", doc.name, forms(doc).join(" · "), doc.does);
    if !doc.errors.is_empty() {
        let _ = write!(text, "\nErrors: {}\n", doc.errors);
    }
    let gives = if doc.gives.is_empty() { String::new() } else { format!(" // {}", doc.gives) };
    let _ = write!(text, "\n```rhai\n{}{gives}\n```\n", doc.example);
    text
}

fn forms(doc: &FunctionDoc) -> Vec<String> {
    let mut forms: Vec<_> = doc.signatures.iter().map(|form| format!("`{form}`")).collect();
    if doc.has_async {
        forms.push(format!("`{}_async(…)`", doc.name));
    }
    forms
}

/// One function, for a terminal.
pub(crate) fn page(doc: &FunctionDoc) -> Vec<String> {
    let mut lines: Vec<String> = doc.signatures.iter().map(|&form| form.to_owned()).collect();
    if doc.has_async {
        lines.push(format!("{}_async(…) returns the id of a request at once", doc.name));
    }
    lines.push(String::new());
    lines.push(doc.does.to_owned());
    if !doc.errors.is_empty() {
        lines.push(String::new());
        lines.push(format!("Errors: {}", doc.errors));
    }
    lines.push(String::new());
    lines.push(format!("Example: {}", doc.example));
    if !doc.gives.is_empty() {
        lines.push(format!("Gives:   {}", doc.gives));
    }
    lines
}

/// All functions, a line each.
pub(crate) fn summary(docs: &[&ModuleDoc]) -> Vec<String> {
    let mut lines = Vec::new();
    for module in docs {
        lines.push(module.title.to_owned());
        for doc in module.iter() {
            let first = doc.does.split_once(". ").map_or(doc.does, |(first, _)| first);
            lines.push(format!("  {:<22} {}", doc.name, first.trim_end_matches('.')));
        }
    }
    lines
}
