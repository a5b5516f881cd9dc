use serde_json::Value;

use crate::command::{Ended, ended, rhaid};
use crate::site::Site;

/// Every command that needs a server.
const COMMANDS: &[&[&str]] = &[
    &["worker", "--id", "worker-1"],
    &["submit", "--worker", "worker-1", "-"],
    &["call", "--worker", "worker-1", "-"],
    &["status", ID],
    &["wait", ID],
    &["cancel", ID],
    &["resubmit", ID],
    &["queues"],
    &["workers"],
    &["pause", "worker-1"],
    &["resume", "worker-1"],
];

const ID: &str = "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90";

#[track_caller]
fn assert_failed(ended: &Ended, code: i32, says: &[&str]) {
    assert_eq!((ended.code, &*ended.out), (Some(code), ""), "{}", ended.err);
    for part in says {
        assert!(ended.err.contains(part), "it should say {part:?}: {}", ended.err);
    }
    for never in ["geheim", "panicked", "RUST_BACKTRACE"] {
        assert!(!ended.err.contains(never), "{}", ended.err);
    }
}

#[test]
fn a_command_without_a_server_is_refused_and_told_both_ways() {
    for args in COMMANDS {
        for empty in [false, true] {
            let mut command = rhaid();
            if empty {
                command.env("RHAID_URL", "");
            }
            let ended = ended(command.args(*args).output().expect("rhaid runs"));
            assert_failed(&ended, 2, &["--url", "RHAID_URL", "redis://127.0.0.1/"]);
        }
    }
}

#[test]
fn a_url_that_names_no_server_is_refused_without_its_password() {
    for (url, says) in [
        ("localhost", "no scheme; for a Redis server write redis://localhost;"),
        ("localhost:7461", "no scheme; for a Redis server write redis://localhost:7461;"),
        ("127.0.0.1:7461/3", "write redis://127.0.0.1:7461/3;"),
        ("http://:geheim@host/", "\"http\" is not supported"),
        ("memory:", "rhaid run"),
        ("memory:jobs", "rhaid run"),
        ("redis://", "has no host"),
        ("redis://:geheim@host:port/", "port"),
        ("redis://:geheim@host/first", "database"),
        ("redis://ann:12/geheim@host/", "%2F"),
    ] {
        let ended = ended(rhaid().args(["queues", "--url", url]).output().expect("rhaid runs"));
        assert_failed(&ended, 2, &["--url <URL>", says]);
    }
}

#[test]
fn an_option_comes_before_the_environment() {
    let site = Site::new();
    let told = ended(
        rhaid()
            .args(["queues", "--url", site.url()])
            .env("RHAID_URL", "http://x")
            .output()
            .expect("rhaid runs"),
    );
    assert_eq!(told.code, Some(0), "{}", told.err);
    let help = site.run(&["queues", "--help"]);
    assert!(help.out.contains("RHAID_URL") && !help.out.contains(site.url()), "{}", help.out);
}

#[test]
fn a_server_that_is_not_there_is_named_with_the_way_out() {
    let mut site = Site::with_password("geheim");
    site.redis.kill();
    // At the same time, since each waits for the call timeout.
    let children: Vec<_> =
        COMMANDS.iter().map(|args| site.command(args).spawn().expect("rhaid runs")).collect();
    let shown = site.url().replace("geheim", "***");
    for child in children {
        let ended = ended(child.wait_with_output().expect("it ends"));
        assert_failed(&ended, 3, &[&shown, "is not available", "--url or RHAID_URL"]);
    }
}

#[test]
fn address_without_a_server_is_an_error_at_once() {
    // With a call timeout of 5 s, and 40 commands one after the other.
    for url in
        ["redis://:geheim@127.0.0.1:1/", "redis+unix:///no/such/redis.sock", "redis://no-such-host.invalid/"]
    {
        for args in COMMANDS.iter().filter(|args| args[0] != "worker") {
            let ended = ended(rhaid().args(*args).args(["--url", url]).output().expect("rhaid runs"));
            let address = url.rsplit(['@', '/']).find(|part| !part.is_empty()).expect("an address");
            assert_failed(&ended, 3, &[address, "is not available", "--url or RHAID_URL"]);
            assert!(!ended.err.contains("call timeout"), "it has not tried for 5 s: {}", ended.err);
        }
    }
}

#[test]
fn worker_without_a_server_says_so_and_tries() {
    let mut command = rhaid();
    command.args(["worker", "--id", "worker-1", "--url", "redis://127.0.0.1:1/"]);
    let ended = ended(command.output().expect("rhaid runs"));
    assert_failed(
        &ended,
        3,
        &["nothing takes connections at 127.0.0.1:1", "trying to connect", "call timeout is over"],
    );
}

#[test]
fn unknown_id_of_a_client_is_told_what_other_ids_are() {
    let site = Site::new();
    assert_failed(&site.run(&["status", "nope"]), 1, &["task nope is not known", "is a UUID"]);
}

#[test]
fn a_server_that_refuses_is_named_with_its_reason() {
    let site = Site::with_password("geheim");
    assert_eq!(site.run(&["queues"]).code, Some(0));
    let wrong = site.url().replace("geheim", "geheimnis");
    let without = site.redis.url();
    let database = format!("{}99", site.url());
    for args in COMMANDS {
        for (url, says) in [(&wrong, "WRONGPASS"), (&without, "NOAUTH"), (&database, "DB index")] {
            let ended = site.run(&[args, &["--url", url][..]].concat());
            assert_failed(&ended, 3, &["the server refuses", says, "--url or RHAID_URL"]);
        }
    }
}

#[test]
fn key_of_another_program_is_a_failure_of_the_server() {
    let site = Site::new();
    let _ = site.redis.command(&["SET", &format!("rhailib:{ID}"), "theirs"]);
    for command in ["status", "cancel", "resubmit", "wait"] {
        assert_failed(&site.run(&[command, ID]), 3, &["something unexpected", "WRONGTYPE"]);
    }
}

#[test]
fn unknown_task_is_reported() {
    let site = Site::new();
    for command in ["status", "wait", "cancel", "resubmit"] {
        assert_failed(&site.run(&[command, ID]), 1, &[ID, "is not known"]);
    }
}

/// The kind and message in `error` of the one line on standard output; the text is also on standard error.
#[track_caller]
fn json_error(ended: &Ended, code: i32) -> (String, String) {
    assert_eq!(ended.code, Some(code), "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 1, "{}", ended.out);
    let line: Value = serde_json::from_str(&ended.out).expect("one line of JSON");
    let text = |field: &str| line["error"][field].as_str().expect(field).to_owned();
    let (kind, message) = (text("kind"), text("message"));
    assert!(ended.err.starts_with("error: ") && ended.err.contains(&message), "{}", ended.err);
    (kind, message)
}

#[test]
fn with_json_an_error_is_json_too() {
    let site = Site::new();
    for command in ["status", "wait", "cancel", "resubmit"] {
        let (kind, message) = json_error(&site.run(&[command, ID, "--json"]), 1);
        assert!(kind == "not_found" && message.contains(ID), "{kind}: {message}");
    }
    let pending = site.submit("1", &["--delay", "1h"]);
    let (kind, message) = json_error(&site.run(&["wait", &pending, "--timeout", "50ms", "--json"]), 1);
    assert!(kind == "timeout" && message.contains("did not end within 50ms"), "{kind}: {message}");
    let (kind, message) = json_error(&site.run(&["resubmit", &pending, "--json"]), 1);
    assert!(kind == "not_ready" && message.contains("it is pending"), "{kind}: {message}");
    let _ = site.redis.command(&["SET", &format!("rhailib:{ID}"), "theirs"]);
    for command in ["status", "wait", "cancel", "resubmit"] {
        let (kind, message) = json_error(&site.run(&[command, ID, "--json"]), 3);
        assert!(kind == "server" && message.contains("WRONGTYPE"), "{kind}: {message}");
    }
    for args in COMMANDS {
        let (kind, message) =
            json_error(&site.run(&[args, &["--json", "--url", "http://x"][..]].concat()), 2);
        assert!(kind == "invalid" && message.contains("--url <URL>"), "{kind}: {message}");
    }
    let run = ["run", "-", "--json", "--secret", "NO_SUCH_VARIABLE"];
    let (kind, message) = json_error(&site.run(&run), 2);
    assert!(kind == "invalid" && message.contains("NO_SUCH_VARIABLE"), "{kind}: {message}");
}

#[test]
fn invalid_values_are_refused() {
    let site = Site::new();
    let submit = |more: &[&'static str]| [&["submit", "--worker", "w", "-"], more].concat();
    for (args, says) in [
        (vec!["status", "a b"], "outside A-Z"),
        (vec!["wait", "queues"], "name of a key"),
        (vec!["resubmit", "nope"], "is not a UUID"),
        (vec!["resubmit", "8C1B7F0E-52A4-4C1D-9A37-0F2D6A1E4B90"], "lower-case"),
        (vec!["worker", "--id", "w", "--url", "redis://127.0.0.1:1/?protocol=list"], "protocol=list"),
        (vec!["cancel", ""], "<ID>"),
        (vec!["pause", "a b"], "outside A-Z"),
        (vec!["resume", ID], "shape of a task id"),
        (vec!["workers", "--worker", "all"], "reserved word"),
        (vec!["worker", "--id", ""], "--id <ID>"),
        (vec!["worker", "--id", "w", "--grace", "soon"], "--grace <DURATION>"),
        (vec!["worker", "--id", "w", "--threads", "0"], "--threads <N>"),
        (vec!["queues", "--prefix", "a b"], "--prefix <PREFIX>"),
        (vec!["submit", "-"], "--worker <ID>"),
        (vec!["submit", "--worker", "w"], "'<FILE>': it is missing"),
        (vec!["call", "--worker", "w"], "or a method with `--method <NAME>`"),
        (vec!["pause", "--worker", "w"], "<WORKER> is given without an option: `rhaid pause <WORKER>`"),
        (vec!["resume", "--id", "w"], "`rhaid resume <WORKER>`"),
        (vec!["status", "--task", ID], "`rhaid status <ID>`"),
        (vec!["wait", "--task", ID], "`rhaid wait <ID>`"),
        (vec!["cancel", "--worker", "w"], "`rhaid cancel <ID>`"),
        (vec!["status", ID, "--jsn"], "'--json'"),
        (submit(&["--priority", "urgent"]), "use high, normal or low"),
        (submit(&["--delay", "-1s"]), "--delay <DURATION>"),
        (submit(&["--expires-in", "0s"]), "--expires-in <DURATION>"),
        (submit(&["--retries", "-1"]), "--retries <N>"),
        (submit(&["--request-id", ""]), "--request-id <ID>"),
        (submit(&["--context", "a\nb"]), "control character"),
        (submit(&["--arg", "x"]), "--arg <KEY=VALUE>"),
        (submit(&["--arg", "x=1", "--arg", "x=2"]), "given twice"),
        (vec!["call", "--worker", "w", "-", "--timeout", "0s"], "--timeout <DURATION>"),
    ] {
        assert_failed(&site.run(&args), 2, &[says]);
    }
    let missing = site.run(&["submit", "--worker", "w", "/missing.rhai"]);
    assert_failed(&missing, 1, &["the file does not exist"]);
}

#[test]
fn settings_of_finished_records_are_checked_before_anything_is_connected() {
    for (flag, value, says) in [
        ("--record-ttl", "0s", "zero"),
        ("--record-ttl", "soon", "30s"),
        ("--max-finished-records", "0", "1.."),
        ("--max-finished-bytes", "-1", "--max-finished-bytes"),
    ] {
        let mut command = rhaid();
        command.args(["queues", "--url", "redis://127.0.0.1:1/", flag, value]);
        let ended = ended(command.output().expect("rhaid runs"));
        assert_eq!(ended.code, Some(2), "{flag} {value}: {}", ended.err);
        assert!(ended.err.contains(says) && ended.err.contains(flag), "{flag} {value}: {}", ended.err);
    }
}
