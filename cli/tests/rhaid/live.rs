use std::io::{BufRead, BufReader, Read};

use crate::command::Scripts;

#[test]
fn printed_line_is_there_while_the_script_runs() {
    let scripts = Scripts::new([("a.rhai", "print(`begun`); sleep(600); print(`over`)")]);
    let mut child = scripts.command(&["a.rhai", "--timeout", "20m"]).spawn().expect("rhaid runs");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("UTF-8");
    let running = child.try_wait().expect("its state").is_none();
    child.kill().expect("it is ended");
    child.wait().expect("it ends");
    assert!(first == "begun" && running, "{first}, running: {running}");
}

#[test]
fn printed_lines_are_printed_once_and_before_the_failure() {
    let scripts =
        Scripts::new([("a.rhai", "print(`one\ntwo`); debug(3); throw `it`"), ("b.rhai", "print(`b`)")]);
    let ended = scripts.run(&["a.rhai"]);
    let before = ended.err.split("error[").next().expect("the beginning");
    assert_eq!(before, "one\ntwo\n3\n", "{}", ended.err);
    let two = scripts.run(&["b.rhai", "a.rhai"]);
    for line in ["b.rhai: b\n", "a.rhai: one\na.rhai: two\n", "a.rhai: 3\n"] {
        assert_eq!(two.err.matches(line).count(), 1, "{line}: {}", two.err);
    }
}

#[test]
fn full_log_is_reported_once() {
    let scripts = Scripts::new([("a.rhai", "for i in 0..10 { print(`line ${i}`) }")]);
    let ended = scripts.run(&["a.rhai", "--limit", "max_log_bytes=40"]);
    assert_eq!(
        ended.err,
        "line 0\nline 1\n[what was printed after this is left out: the log is full (max_log_bytes)]\n"
    );
}

#[test]
fn lines_of_dispatched_scripts_are_left_out() {
    let scripts = Scripts::new([("a.rhai", "print(`parent`); dispatch(`local`, `print(1); 2`)")]);
    let mut child = scripts.command(&["a.rhai"]).spawn().expect("rhaid runs");
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("UTF-8");
    child.wait().expect("it ends");
    assert_eq!(err, "parent\n");
}
