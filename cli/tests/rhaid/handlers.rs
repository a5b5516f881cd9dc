use std::fs;

use serde_json::json;

use crate::command::{Ended, Scripts, ended, rhaid};
use crate::site::Site;

const BILLING: &str = "//! Payments.\n\n/// Charges a card.\nfn charge(cents) { charge(cents, \"eur\") }\n\
                       fn charge(cents, currency) { print(\"charged\"); `${cents} ${currency}` }\nprivate fn hidden() { }\n";

fn handlers(scripts: &Scripts, args: &[&str]) -> Ended {
    let mut command = rhaid();
    command.current_dir(scripts.path()).arg("handlers").args(args);
    ended(command.output().expect("rhaid runs"))
}

fn path(scripts: &Scripts) -> &str {
    scripts.path().to_str().expect("UTF-8")
}

#[test]
fn a_method_of_a_folder_is_called_over_redis() {
    let site = Site::new();
    let scripts = Scripts::new([("billing.rhai", BILLING)]);
    let _worker = site.worker(&["--handlers", path(&scripts)]);
    let call = |args: &[&str]| site.run(&[&["call", "--worker", "worker-1", "--method"], args].concat());
    let named = call(&["billing.charge", "--arg", "cents=500"]);
    assert_eq!((named.code, &*named.out, &*named.err), (Some(0), "500 eur\n", "charged\n"));
    assert_eq!(call(&["billing.charge", "--params", "[5, \"usd\"]"]).out, "5 usd\n");
    assert_eq!(call(&["billing.charge", "--params", "{\"cents\": 7}"]).out, "7 eur\n");

    let unknown = call(&["billing.chrage", "--json"]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.err);
    assert!(
        unknown.err.starts_with("error[unknown_method]: worker `worker-1` has no method"),
        "{}",
        unknown.err
    );
    let record: serde_json::Value = serde_json::from_str(&unknown.out).expect("a record");
    assert_eq!(
        (&record["method"], &record["error"]["kind"]),
        (&json!("billing.chrage"), &json!("unknown_method"))
    );
    let bad = call(&["billing.charge", "--arg", "cent=5"]);
    assert_eq!((bad.code, &*bad.out), (Some(1), ""));
    assert!(bad.err.starts_with("error[bad_params]: the parameter `cent` is unknown"), "{}", bad.err);

    let submit = ["submit", "--worker", "worker-1", "--method", "billing.charge", "--arg", "cents=1"];
    let id = site.ok(&submit);
    assert_eq!(site.ok(&["wait", id.trim_end()]), "1 eur\n");
    assert_eq!(site.ok(&["wait", site.ok(&["resubmit", id.trim_end()]).trim_end()]), "1 eur\n");
    assert_eq!(
        site.run_with("40 + 2", &["call", "--worker", "worker-1", "-"]).out,
        "42\n",
        "scripts run too"
    );
}

#[test]
fn a_worker_takes_over_what_is_saved_and_logs_what_is_wrong() {
    let site = Site::new();
    let scripts = Scripts::new([("api.rhai", "fn version() { 1 }")]);
    let worker = site.worker(&["--handlers", path(&scripts)]);
    let version = || site.run(&["call", "--worker", "worker-1", "--method", "api.version"]).out;
    assert_eq!(version(), "1\n");
    scripts.write("new", "fn version() { 2 }");
    fs::rename(scripts.path().join("new"), scripts.path().join("api.rhai")).expect("a rename");
    site.until("the new version answers", || version() == "2\n");
    scripts.write("api.rhai", "fn version() {\n  let = 3;\n}");
    scripts.write("other.rhai", "fn ping() { 1 }");
    site.until("the folder is read", || {
        site.run(&["call", "--worker", "worker-1", "--method", "other.ping"]).code == Some(0)
    });
    assert_eq!(version(), "2\n");
    worker.signal("TERM");
    let log = worker.end().err;
    let line =
        log.lines().find(|line| line.contains("handlers: api.rhai:")).unwrap_or_else(|| panic!("{log}"));
    for part in ["WARN", "line=2", "column=7", "serves_last_good=true"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_folder_is_checked_and_its_methods_are_printed() {
    let scripts = Scripts::new([("billing.rhai", BILLING), ("_money.rhai", "fn gross() { }")]);
    let good = handlers(&scripts, &["."]);
    let expected = "billing (billing.rhai): Payments.\n  billing.charge(cents)\n  billing.charge(cents, currency)\n      \
                    Charges a card.\n";
    assert_eq!((good.code, &*good.out, &*good.err), (Some(0), expected, ""));
    scripts.write("bad.rhai", "fn f() {\n  let = 5;\n}");
    let bad = handlers(&scripts, &[".", "--json"]);
    assert_eq!(bad.code, Some(2));
    for part in ["error[parse]: ", "--> ./bad.rhai:2:7\n", "let = 5;"] {
        assert!(bad.err.contains(part), "{part}: {}", bad.err);
    }
    let info: serde_json::Value = serde_json::from_str(&bad.out).expect("JSON");
    assert_eq!(info["handlers"][0]["methods"][0]["name"], "billing.charge");
    assert_eq!((&info["problems"][0]["file"], &info["problems"][0]["line"]), (&json!("bad.rhai"), &json!(2)));
    let long = handlers(&scripts, &[".", "--limit", "max_script_bytes=10"]);
    assert!(long.err.contains("it has more than 10 bytes"), "{}", long.err);
}

#[test]
fn an_import_of_what_is_not_there_is_an_error_and_a_file_that_hides_what_is_built_in_a_warning() {
    let scripts = Scripts::new([
        ("billing.rhai", "fn charge() {\n  import \"_lib/mony\" as m;\n  m::one()\n}"),
        ("handlers.rhai", "fn list() { 1 }"),
    ]);
    let wrong = handlers(&scripts, &["."]);
    assert_eq!(wrong.code, Some(2));
    for part in [
        "error[invalid]: the module `_lib/mony` is not in this folder; if it is in another one, name that with --import DIR\n",
        "--> ./billing.rhai:2:10\n",
        "warning[invalid]: it comes before the handler `handlers` of every worker",
        "--> ./handlers.rhai\n",
    ] {
        assert!(wrong.err.contains(part), "{part}: {}", wrong.err);
    }
    let modules = Scripts::new([("mony.rhai", "fn one() { 1 }")]);
    std::fs::create_dir(modules.path().join("_lib")).expect("a folder");
    fs::rename(modules.path().join("mony.rhai"), modules.path().join("_lib/mony.rhai")).expect("a rename");
    let right = handlers(&scripts, &[".", "--import", path(&modules)]);
    assert_eq!(right.code, Some(0), "{}", right.err);
    assert!(right.err.starts_with("warning[invalid]: "), "{}", right.err);

    let site = Site::new();
    let worker = site.worker(&["--handlers", path(&scripts)]);
    let called = site.run(&["call", "--worker", "worker-1", "--method", "billing.charge"]);
    let says = "the module `_lib/mony` is not in the folder of handlers, and this worker has no folder of other modules";
    assert!(called.err.contains(says), "{}", called.err);
    worker.signal("TERM");
    let log = worker.end().err;
    for part in ["handlers: handlers.rhai: it comes before", "handlers: billing.rhai: the module `_lib/mony`"]
    {
        assert!(log.contains(part), "{part}: {log}");
    }
}

#[test]
fn bad_folders_names_and_parameters_are_refused() {
    let scripts = Scripts::new([("file", "")]);
    let missing = handlers(&scripts, &["nope"]);
    assert_eq!((missing.code, &*missing.out), (Some(2), ""));
    assert!(
        missing.err.contains("invalid value for '[DIR]': the folder nope does not exist"),
        "{}",
        missing.err
    );
    assert!(handlers(&scripts, &["file"]).err.contains("file is not a folder"));

    let run = |args: &[&str]| {
        let mut command = rhaid();
        command.current_dir(scripts.path()).args(args).env("RHAID_URL", "redis://127.0.0.1:1/");
        ended(command.output().expect("rhaid runs"))
    };
    let worker = run(&["worker", "--id", "worker-1", "--handlers", "nope"]);
    assert_eq!(worker.code, Some(2), "{}", worker.err);
    assert!(worker.err.contains("invalid value for '--handlers <DIR>': the folder "), "{}", worker.err);
    let call = ["call", "--worker", "worker-1"];
    let refused = |args: &[&str], says: &str| {
        let ended = run(&[&call[..], args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(says), "{says}: {}", ended.err);
    };
    refused(&["--method", "a b"], "has a character outside A-Z a-z 0-9 _ . -");
    refused(&["--method", "a", "file"], "cannot be used with");
    refused(&[], "<FILE>");
    refused(&["--method", "a", "--params", "{"], "it is not JSON");
    refused(&["--method", "a", "--params", "[1]", "--arg", "a=1"], "cannot be used with");
    refused(&["file", "--params", "[1]"], "cannot be used with");
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    refused(&["--method", "a", "--params", &deep], "more than 127 levels");
}

#[test]
fn handlers_of_living_workers_are_listed_with_their_figures() {
    let site = Site::new();
    assert_eq!(site.ok(&["handlers"]).lines().count(), 1, "the header");
    let scripts = Scripts::new([("billing.rhai", BILLING)]);
    let args = ["--handlers", path(&scripts)];
    let mut workers: Vec<_> = (0..2).map(|_| site.worker(&args)).collect();
    // It is killed without a parent that reports its death: only the end of its lease tells.
    workers.push(site.worker(&[&args[..], &["--no-supervise"]].concat()));
    let listed = || site.json(&["handlers"]);
    site.until("three workers announce it", || {
        listed()
            .first()
            .is_some_and(|handler| handler["instances"].as_array().is_some_and(|all| all.len() == 3))
    });
    for cents in ["1", "2", "x"] {
        let arg = format!("cents={cents}");
        assert_eq!(site.ok(&["call", "--method", "billing.charge", "--arg", &arg]), format!("{cents} eur\n"));
    }
    let bad = site.run(&["call", "--method", "billing.charge", "--arg", "cent=5", "--worker", "worker-1"]);
    assert_eq!(bad.code, Some(1), "{}", bad.err);
    let unknown = site.run(&["call", "--method", "billing.nope"]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.err);
    assert!(
        unknown.err.contains(
            "--worker: is missing, and no living worker has announced a method `billing.nope`; name the queue with \
             --worker, or start a worker with this method"
        ),
        "{}",
        unknown.err
    );
    let near = site.run(&["call", "--method", "billing.chagre"]);
    assert!(near.err.contains("`billing.chagre`; did you mean `billing.charge`?; name"), "{}", near.err);
    site.until("the calls are counted", || listed()[0]["figures"]["calls"] == 4);
    let handler = &listed()[0];
    assert_eq!((&handler["workerId"], &handler["name"]), (&json!("worker-1"), &json!("billing")));
    assert_eq!((&handler["description"], &handler["file"]), (&json!("Payments."), &json!("billing.rhai")));
    let figures = &handler["methods"][0]["figures"];
    assert_eq!(
        (&figures["completed"], &figures["errors"], &figures["successRate"]),
        (&json!(3), &json!(1), &json!(0.75))
    );

    let table = site.ok(&["handlers"]);
    let lines: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1][..7], ["worker-1", "billing", "3", "4", "0", "1", "0"], "{table}");
    assert_eq!(lines[2][..8], ["worker-1", "billing.charge", "3", "4", "0", "1", "0", "75.0%"], "{table}");
    assert!(table.lines().nth(1).is_some_and(|line| line.ends_with("Payments.")), "{table}");

    workers.pop().expect("the last one").signal("KILL");
    site.until("the killed one is gone", || {
        listed()[0]["instances"].as_array().is_some_and(|all| all.len() == 2)
    });
    assert_eq!(listed()[0]["figures"]["calls"], 4, "what it has reported stays");
    let refused = site.run(&["handlers", "--limit", "max_operations=1"]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
}
