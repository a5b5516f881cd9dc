use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::crate_files::CrateFiles;
use super::cycles::cycles;
use crate::cargo::workspace_root;
use crate::error::Error;
use crate::source::files_with;

/// Checks every library and program of the workspace.
pub(crate) fn check() -> Result<(), Error> {
    let root = workspace_root();
    let (mut files, mut found) = (0, 0);
    for manifest in files_with(root, &["toml"])? {
        let Some(package) = manifest.path.strip_suffix("Cargo.toml") else { continue };
        for start in ["lib.rs", "main.rs"] {
            let start = format!("{package}src/{start}");
            let read = |path: &str| fs::read_to_string(root.join(path)).ok();
            let Some(crate_files) = CrateFiles::load(&start, &read) else { continue };
            files += crate_files.len();
            for (count, text) in circles(&crate_files) {
                found += count;
                println!("{text}");
            }
        }
    }
    println!("{files} files, {found} in circles");
    if found == 0 {
        return Ok(());
    }
    println!(
        "To open a circle, move what both sides need into a file below them, or what one side does not need up into \
         the file that uses both."
    );
    Err(Error::Found { what: "files that import each other in a circle", count: found })
}

/// Each circle: the number of its files, and as text the import that leads from each to the next.
fn circles(files: &CrateFiles) -> Vec<(usize, String)> {
    let links = files.links();
    let edges: BTreeMap<usize, BTreeSet<usize>> =
        links.iter().map(|(from, to)| (*from, to.keys().copied().collect())).collect();
    let text = |circle: &BTreeSet<usize>| {
        let mut text = format!("{} files import each other in a circle:", circle.len());
        for from in circle {
            for (to, link) in links.get(from).into_iter().flatten().filter(|(to, _)| circle.contains(to)) {
                let (from, to, line) = (files.name(*from), files.name(*to), link.line);
                text.push_str(&format!("\n    {from}:{line} imports {} of {to}", link.path));
            }
        }
        (circle.len(), text)
    };
    cycles(&edges).iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(sources: &[(&str, &str)]) -> Vec<String> {
        let read = |path: &str| {
            sources.iter().find(|(name, _)| *name == path).map(|(_, source)| (*source).to_owned())
        };
        let files = CrateFiles::load("src/lib.rs", &read).expect("the library has a root");
        circles(&files).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn files_that_import_each_other_are_named_with_their_lines() {
        let found = circles_of(&[
            ("src/lib.rs", "mod a;\nmod b;\nmod c;\nmod d;"),
            ("src/a.rs", "use crate::b::B;\npub struct A;"),
            ("src/b.rs", "pub struct B;\nfn f(_: super::c::C) {}"),
            ("src/c.rs", "use std::fmt;\nuse crate::{\n    a::A,\n    d::D,\n};\npub struct C;"),
            ("src/d.rs", "pub struct D;"),
        ]);
        let expected = "3 files import each other in a circle:\n    \
                        src/a.rs:1 imports crate::b::B of src/b.rs\n    \
                        src/b.rs:2 imports super::c::C of src/c.rs\n    \
                        src/c.rs:3 imports crate::a::A of src/a.rs";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn circle_through_a_facade_is_found_between_the_files_behind_it() {
        let found = circles_of(&[
            ("src/lib.rs", "mod task;\npub use task::*;"),
            (
                "src/task/mod.rs",
                "mod id;\nmod log;\npub use id::TaskId;\npub use self::log::{Log as TaskLog};",
            ),
            ("src/task/id.rs", "use super::TaskLog;\npub struct TaskId;"),
            ("src/task/log.rs", "use crate::TaskId;\npub struct Log;"),
        ]);
        let expected = "2 files import each other in a circle:\n    \
                        src/task/id.rs:1 imports super::TaskLog of src/task/log.rs\n    \
                        src/task/log.rs:1 imports crate::TaskId of src/task/id.rs";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn parent_that_defines_what_its_child_needs_makes_a_circle() {
        let child = ("src/intake/state.rs", "use super::Ticket;\npub struct State;");
        let defining = ("src/intake.rs", "mod state;\nuse state::State;\npub struct Ticket(State);");
        assert_eq!(circles_of(&[("src/lib.rs", "mod intake;"), defining, child]).len(), 1);
        let ticket = ("src/intake/ticket.rs", "pub struct Ticket;");
        let facade =
            ("src/intake/mod.rs", "mod state;\nmod ticket;\npub use state::State;\npub use ticket::Ticket;");
        assert!(circles_of(&[("src/lib.rs", "mod intake;"), facade, child, ticket]).is_empty());
    }

    #[test]
    fn tests_and_modules_within_a_file_make_no_circle() {
        let found = circles_of(&[
            ("src/lib.rs", "mod a;\nmod b;"),
            (
                "src/a.rs",
                "pub struct A;\nmod inner { use super::A; }\n#[cfg(test)]\nmod tests { use crate::b::B; }",
            ),
            (
                "src/b.rs",
                "use crate::a::A;\npub struct B;\nimpl B { fn f(&self) { crate::b::g() } }\nfn g() {}",
            ),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn name_of_a_macro_counts_for_the_module_that_calls_it() {
        let found = circles_of(&[
            ("src/lib.rs", "mod limits;\nmod engine;"),
            ("src/limits.rs", "table! { struct Limits; engine: crate::engine::Engine }"),
            ("src/engine.rs", "use crate::limits::Limits;\npub struct Engine;"),
        ]);
        assert_eq!(found.len(), 1);
    }
}
