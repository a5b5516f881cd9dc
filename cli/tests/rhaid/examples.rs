use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::command::{ended, rhaid};

/// Each example with its arguments, its result and its exit code.
const EXAMPLES: &[(&str, &[&str], &str, i32)] = &[
    ("hello.rhai", &[], "Hello, world! I am a script, and the worker \"local\" runs me.\n", 0),
    ("hello.rhai", &["name=Ann"], "Hello, Ann! I am a script, and the worker \"local\" runs me.\n", 0),
    ("args.rhai", &[], "{\"count\":3,\"total\":6,\"unit\":\"things\"}\n", 0),
    ("args.rhai", &["items=[3, 4, 5]", "unit=apples"], "{\"count\":3,\"total\":12,\"unit\":\"apples\"}\n", 0),
    ("args.rhai", &["items=3"], "", 1),
    ("sleep.rhai", &["steps=2", "seconds=0.01"], "slept 2 times\n", 0),
    ("functions.rhai", &[], "[0,1,1,2,3,5,8,13,21,34]\n", 0),
    ("functions.rhai", &["count=3"], "[0,1,1]\n", 0),
    ("error.rhai", &[], "", 1),
];

#[test]
fn every_example_prints_what_it_should() {
    for (name, args, out, code) in EXAMPLES {
        let args = args.iter().flat_map(|arg| ["--arg", *arg]);
        let mut command = rhaid();
        command.arg("run").arg(folder().join(name)).args(args).stdin(Stdio::null());
        let ended = ended(command.output().expect("rhaid runs"));
        assert_eq!((&*ended.out, ended.code), (*out, Some(*code)), "{name}: {}", ended.err);
    }
}

#[test]
fn no_example_is_left_out_here_or_in_the_readme() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("a readme");
    for entry in fs::read_dir(folder()).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        if name.ends_with(".rhai") {
            assert!(EXAMPLES.iter().any(|(example, ..)| *example == name), "{name} has no test");
            assert!(readme.contains(&format!("examples/scripts/{name}")), "{name} has no command");
        }
    }
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "examples", "scripts"].iter().collect()
}
