use std::process::Stdio;

use crate::command::{Ended, Scripts, ended, rhaid};

fn check(scripts: &Scripts, args: &[&str]) -> Ended {
    let mut command = rhaid();
    command.current_dir(scripts.path()).arg("check").args(args).stdin(Stdio::null());
    ended(command.output().expect("rhaid runs"))
}

#[test]
fn good_scripts_are_not_run_and_have_no_output() {
    let scripts =
        Scripts::new([("a.rhai", "print(`it ran`); http_get(`x`)"), ("b.rhai", "#!rhaid\nfn f() { 1 } f()")]);
    let good = check(&scripts, &["a.rhai", "b.rhai"]);
    assert_eq!((good.code, &*good.out, &*good.err), (Some(0), "", ""));
}

#[test]
fn bad_scripts_are_named_with_line_and_column() {
    let scripts = Scripts::new([
        ("good.rhai", "1"),
        ("bad.rhai", "let a = 1;\nlet b = ;\n"),
        ("eval.rhai", "eval(`1`)"),
    ]);
    scripts.write("latin-1", b"// \xe9");
    let bad = check(&scripts, &["good.rhai", "bad.rhai", "eval.rhai", "latin-1", "missing"]);
    assert_eq!((bad.code, &*bad.out), (Some(2), ""));
    for part in [
        "error[parse]: ",
        "--> bad.rhai:2:9\n",
        "let b = ;",
        "--> eval.rhai:1:1\n",
        "error[invalid]: it is not UTF-8",
        "--> missing\n",
        "error: 4 of 5 scripts have errors\n",
    ] {
        assert!(bad.err.contains(part), "{part:?}: {}", bad.err);
    }
    let limited = check(&scripts, &["good.rhai", "--limit", "max_script_bytes=0"]);
    assert_eq!(limited.code, Some(2), "{}", limited.err);
    let none = check(&scripts, &[]);
    assert!(none.code == Some(2) && none.err.contains("<FILE>..."), "{}", none.err);
}

#[test]
fn verdicts_are_json_if_asked_for() {
    let scripts = Scripts::new([("good.rhai", "1"), ("bad.rhai", "(")]);
    let both = check(&scripts, &["good.rhai", "bad.rhai", "--json"]);
    assert_eq!(both.code, Some(2), "{}", both.err);
    let lines: Vec<serde_json::Value> =
        both.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        lines[0],
        serde_json::json!({"scriptName": "good.rhai", "status": "ok", "error": null, "warnings": []})
    );
    assert_eq!((&lines[1]["status"], &lines[1]["error"]["kind"]), (&"error".into(), &"parse".into()));
    assert_eq!(lines[1]["error"]["line"], 1);
}

#[test]
fn calls_of_functions_that_are_not_there_are_warnings() {
    let scripts = Scripts::new([(
        "a.rhai",
        "fn add(a, b) { a + b }\nlet reply = htp_get(\"https://a.example\");\nadd(1);\nreply.any(1);\n",
    )]);
    let warned = check(&scripts, &["a.rhai"]);
    assert_eq!((warned.code, &*warned.out), (Some(0), ""));
    for part in [
        "warning[unknown_function]: no function is named `htp_get`; did you mean `http_get`?\n  --> a.rhai:2:13\n",
        "warning[unknown_function]: `add` takes 2 arguments, and this call has 1\n  --> a.rhai:3:1\n",
    ] {
        assert!(warned.err.contains(part), "{part:?}: {}", warned.err);
    }
    assert_eq!(warned.err.matches("warning").count(), 2, "{}", warned.err);
    let json = check(&scripts, &["a.rhai", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!((&line["status"], &line["warnings"][0]["line"]), (&"ok".into(), &2.into()));
}
