use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStderr};

use crate::command::{Ended, ended};
use crate::site::Site;

/// A command whose lines on standard error are read while it runs.
pub(crate) struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Following {
    pub(crate) fn start(site: &Site, args: &[&str], input: &str) -> Self {
        let mut child = site.command(args).spawn().expect("rhaid runs");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    /// The next line, which is there while the command runs.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let line = self.lines.next().expect("a line").expect("UTF-8");
        assert!(self.child.try_wait().expect("its state").is_none(), "it has ended, after {line}");
        line
    }

    /// The end, with the rest of standard error.
    pub(crate) fn end(self) -> Ended {
        let rest: Vec<_> = self.lines.map(|line| line.expect("UTF-8")).collect();
        let ended = ended(self.child.wait_with_output().expect("it ends"));
        Ended { err: rest.join("\n"), ..ended }
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was killed");
    }
}
