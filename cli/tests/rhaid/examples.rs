use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rhai_dispatcher_test_http::{Answer, Asked, TestServer};

use crate::command::{Ended, Scripts, ended, rhaid};

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

/// The examples that call Stripe, each with its output.
const STRIPE: &[(&str, &[&str])] = &[
    ("fire_and_forget.rhai", &["All requests started", "Doing work: 1\n", "Doing work: 99\n"]),
    ("polling.rhai", &["polling for completion...", "Success: products_"]),
    ("await.rhai", &["waiting for result...", "Product created: products_"]),
    ("concurrent.rhai", &["Started 5", "Product created: products_", "All 5 products created!"]),
];

#[test]
fn the_four_ways_to_wait_work_against_a_server() {
    for (name, prints) in STRIPE {
        let server = TestServer::start(stripe);
        let ended = run_with_stripe(&server, &folder().join(name));
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        for text in *prints {
            assert!(ended.err.contains(text), "{name}: {}", ended.err);
        }
        assert!(!format!("{ended:?}").contains("xyzzy"), "{ended:?}");
        let creations = match *name {
            "fire_and_forget.rhai" => 3,
            "concurrent.rhai" => 5,
            _ => 1,
        };
        assert_eq!(server.asked().len(), creations, "{name}");
    }
}

#[test]
fn http_example_makes_two_calls() {
    let server = TestServer::start(|_| Answer::text("hello"));
    let mut command = rhaid();
    command.arg("run").arg(folder().join("http.rhai")).args(["--allow-host", "127.0.0.1"]);
    command.arg("--arg").arg(format!("url={}", server.url("/"))).stdin(Stdio::null());
    let ended = ended(command.output().expect("rhaid runs"));
    assert_eq!((&*ended.out, ended.code), ("[200,200]\n", Some(0)), "{}", ended.err);
    let mut methods: Vec<_> = server.asked().into_iter().map(|asked| asked.method).collect();
    methods.sort();
    assert_eq!(methods, ["GET", "HEAD"]);
}

#[test]
fn every_script_of_the_migration_guide_runs() {
    let guide = folder().join("../../docs/migration.md");
    let guide = fs::read_to_string(guide).expect("the guide");
    let blocks: Vec<_> =
        guide.split("```rhai\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() > 5, "{}", blocks.len());
    for block in blocks {
        let scripts = Scripts::new([("guide.rhai", block)]);
        let server = TestServer::start(stripe);
        let ended = run_with_stripe(&server, &scripts.path().join("guide.rhai"));
        assert_eq!(ended.code, Some(0), "{block}\n{}", ended.err);
        assert!(!server.asked().is_empty() && !ended.err.contains("Failed"), "{block}\n{}", ended.err);
    }
}

/// `rhaid run` with a Stripe key, both as a constant and as the default key of scripts.
fn run_with_stripe(server: &TestServer, script: &Path) -> Ended {
    let mut command = rhaid();
    command.arg("run").arg(script).args(["--secret", "STRIPE_API_KEY", "--stripe-key", "STRIPE_API_KEY"]);
    command.args(["--stripe-url", &server.url("")]).env("STRIPE_API_KEY", "sk_test_xyzzy");
    ended(command.stdin(Stdio::null()).output().expect("rhaid runs"))
}

/// Answers each create request that has the key with a new object.
fn stripe(asked: &Asked) -> Answer {
    match asked.path.strip_prefix("/v1/") {
        Some(collection)
            if asked.method == "POST" && asked.header("authorization") == Some("Bearer sk_test_xyzzy") =>
        {
            Answer::json(format!(r#"{{"id": "{collection}_{}"}}"#, asked.number))
                .with_delay(Duration::from_millis(20))
        }
        _ => Answer::status(400),
    }
}

#[test]
fn no_example_is_left_out_here_or_in_the_readme() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("a readme");
    for entry in fs::read_dir(folder()).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        if name.ends_with(".rhai") {
            let mut tested = EXAMPLES.iter().map(|(example, ..)| *example);
            let tested = tested.any(|example| example == name)
                || STRIPE.iter().any(|(example, _)| *example == name)
                || name == "http.rhai";
            assert!(tested, "{name} has no test");
            assert!(readme.contains(&format!("examples/scripts/{name}")), "{name} has no command");
        }
    }
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "examples", "scripts"].iter().collect()
}
