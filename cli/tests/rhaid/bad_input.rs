use std::fs::{self, Permissions};
use std::process::Stdio;

use crate::command::{Scripts, ended, rhaid};

/// The command line is wrong: code 2, nothing has run, and the message has all of `says`.
#[track_caller]
fn refused(args: &[&str], says: &[&str]) {
    let ended = Scripts::new([("x", "print(\"it ran\"); 1")]).run(args);
    assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{args:?}: {}", ended.err);
    assert!(!ended.err.contains("it ran"), "{args:?}: {}", ended.err);
    for part in says {
        assert!(ended.err.contains(part), "{args:?} should say {part:?}: {}", ended.err);
    }
}

/// The file is unusable: code 1, and the message is `says`.
#[track_caller]
fn unusable(scripts: &Scripts, file: &str, says: &str) {
    let ended = scripts.run(&[file]);
    assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{}", ended.err);
    assert_eq!(ended.err, format!("error[invalid]: {says}\n  --> {file}\n"));
}

#[test]
fn unreadable_script_files_are_named() {
    let scripts = Scripts::new([]);
    unusable(&scripts, "missing.rhai", "the file does not exist");
    unusable(&scripts, ".", "it is a directory; give the files in it");
    scripts.write("latin-1", b"1 + 1 // \xe9");
    unusable(&scripts, "latin-1", "it is not UTF-8, from byte 9 on; save it as UTF-8");
    let too_long =
        "it has more than 262144 bytes, the limit for a script; raise max_script_bytes, or split it";
    scripts.write("large", " ".repeat(256 * 1024 + 1));
    unusable(&scripts, "large", too_long);
    scripts.write("fits", " ".repeat(256 * 1024));
    assert_eq!(scripts.run(&["fits"]).code, Some(0));
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_or_end_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let scripts = Scripts::new([("secret", "1")]);
    unusable(
        &scripts,
        "/dev/zero",
        "it has more than 262144 bytes, the limit for a script; raise max_script_bytes, or split it",
    );
    fs::set_permissions(scripts.path().join("secret"), Permissions::from_mode(0o000)).expect("permissions");
    // Permissions do not bind the superuser, and tests may run as the superuser.
    if fs::File::open(scripts.path().join("secret")).is_err() {
        unusable(&scripts, "secret", "permission to read it is denied");
    }
}

#[test]
fn a_command_line_without_a_file_is_refused() {
    refused(&[], &["<FILE>..."]);
    refused(&[""], &["<FILE>..."]);
    refused(&["x", "-", "-"], &["<FILE>...", "`-` is given twice"]);
}

#[test]
fn arguments_without_key_or_value_are_refused() {
    refused(&["x", "--arg", "name"], &["'name'", "--arg <KEY=VALUE>", "no `=`"]);
    refused(&["x", "--arg", "=3"], &["'=3'", "--arg <KEY=VALUE>", "its key is empty"]);
    refused(&["x", "--arg", ""], &["--arg <KEY=VALUE>"]);
    let deep = format!("a={}{}", "[".repeat(200), "]".repeat(200));
    refused(&["x", "--arg", &deep], &["--arg <KEY=VALUE>", "more than 127 levels deep"]);
    refused(
        &["x", "--arg", "id=12345678901234567890"],
        &["12345678901234567890, beyond 64 bits with a sign", "as a string"],
    );
    refused(&["x", "--arg", "a=1", "--arg", "a=2"], &["--arg <KEY=VALUE>", "\"a\" is given twice"]);
}

#[test]
fn invalid_limits_are_refused() {
    refused(&["x", "--limit", "max_operations"], &["--limit <NAME=VALUE>", "no `=`"]);
    refused(&["x", "--limit", "operations=5"], &["--limit <NAME=VALUE>", "\"operations\"", "max_operations"]);
    for bad in
        ["max_operations=0", "max_memory=-1", "max_map_size=many", "max_wall_time=5", "max_cpu_time=0s"]
    {
        let (name, _) = bad.split_once('=').expect("a name");
        refused(&["x", "--limit", bad], &["--limit <NAME=VALUE>", name]);
    }
    let twice = ["x", "--limit", "max_requests=1", "--limit", "max_requests=2"];
    refused(&twice, &["--limit <NAME=VALUE>", "max_requests is given twice"]);
}

#[test]
fn arguments_over_their_limit_are_refused() {
    let args: Vec<String> = (0..11).map(|n| format!("--arg=k{n}={}", "x".repeat(100_000))).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).chain(["x"]).collect();
    refused(&args, &["--arg <KEY=VALUE>", "the limit is 1048576"]);
}

#[test]
fn invalid_durations_are_refused() {
    for bad in ["0s", "-5s", "30", "soon", "", "99999999999999999999s"] {
        refused(&["x", "--timeout", bad], &["--timeout <DURATION>", "such as 30s, 1m30s or 500ms"]);
    }
    let longest = Scripts::new([("x", "1")]).run(&["x", "--timeout", "500years"]);
    assert_eq!((longest.code, &*longest.out), (Some(0), "1\n"), "{}", longest.err);
}

#[test]
fn invalid_thread_counts_are_refused() {
    for bad in ["0", "-1", "two", "1025", "99999999999"] {
        refused(&["x", "--threads", bad], &[bad, "--threads <N>"]);
    }
}

#[test]
fn an_unknown_option_or_command_is_refused() {
    refused(&["x", "--frobnicate"], &["--frobnicate"]);
    let ended = ended(rhaid().arg("frobnicate").stdin(Stdio::null()).output().expect("rhaid runs"));
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("frobnicate"), "{}", ended.err);
}

#[test]
fn invalid_log_filter_is_refused() {
    let scripts = Scripts::new([("x", "1")]);
    let refused = ended(scripts.command(&["x"]).env("RUST_LOG", "a=b=c").output().expect("rhaid runs"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("RUST_LOG"), "{}", refused.err);
    let told = ended(scripts.command(&["x"]).env("RUST_LOG", "info").output().expect("rhaid runs"));
    assert_eq!((told.code, &*told.out), (Some(0), "1\n"));
    assert!(told.err.contains("INFO rhai_dispatcher_core"), "{}", told.err);
}
