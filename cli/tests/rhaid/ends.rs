#![cfg(unix)]

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};

use crate::command::{Scripts, ended, signal};

fn first_line(child: &mut Child) -> (String, BufReader<ChildStdout>) {
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    (line, out)
}

#[test]
fn signal_cancels_running_scripts() {
    for name in ["INT", "TERM"] {
        let scripts = Scripts::new([("quick", "1"), ("long", "sleep(3600); 2")]);
        let mut child = scripts.command(&["--timeout", "1h", "quick", "long"]).spawn().expect("rhaid runs");
        let (line, mut rest) = first_line(&mut child);
        assert_eq!(line, "1\n");
        signal(&child, name);
        let ended = ended(child.wait_with_output().expect("it ends"));
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        assert_eq!(ended.err, "error: interrupted: 1 of 2 scripts completed\n");
        let mut more = String::new();
        rest.read_to_string(&mut more).expect("the rest");
        assert_eq!(more, "");
    }
}

#[test]
fn a_signal_ends_the_wait_for_standard_input() {
    let scripts = Scripts::new([("quick", "1")]);
    let mut child = scripts.command(&["quick", "-"]).spawn().expect("rhaid runs");
    let _held_open = child.stdin.take();
    assert_eq!(first_line(&mut child).0, "1\n");
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn signals_end_it_while_its_output_has_no_reader() {
    let scripts = Scripts::new([("large", "let text = \"\"; text.pad(100_000, 'x'); text")]);
    let mut child = scripts.command(&["large"; 100]).spawn().expect("rhaid runs");
    let mut out = child.stdout.take().expect("a pipe");
    out.read_exact(&mut [0]).expect("the first byte");
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

/// A pipe without a reader.
fn closed() -> Stdio {
    let (_, writer) = io::pipe().expect("a pipe");
    writer.into()
}

#[test]
fn closed_standard_output_ends_it_without_an_error() {
    let scripts = Scripts::new([("a", "1")]);
    let child = scripts.command(&["a"; 2_000]).stdout(closed()).spawn().expect("rhaid runs");
    let ended = ended(child.wait_with_output().expect("it ends"));
    assert_eq!((ended.code, &*ended.err), (Some(1), ""));
}

#[test]
fn closed_standard_error_hides_no_result() {
    let scripts = Scripts::new([("a", "print(\"x\"); 1"), ("b", "nope"), ("c", "3")]);
    let mut command = scripts.command(&["a", "b", "c"]);
    let child = command.env("RUST_LOG", "info").stderr(closed()).spawn().expect("rhaid runs");
    let ended = ended(child.wait_with_output().expect("it ends"));
    assert_eq!((ended.code, &*ended.out), (Some(1), "1\n3\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_reported_as_an_error() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let scripts = Scripts::new([("a", "1")]);
    let child = scripts.command(&["a"]).stdout(Stdio::from(full)).spawn().expect("rhaid runs");
    let ended = ended(child.wait_with_output().expect("it ends"));
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("error: standard output can't be written: "), "{}", ended.err);
}
