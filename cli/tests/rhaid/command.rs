use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A directory with scripts, in which `rhaid` is run.
pub(crate) struct Scripts {
    directory: TempDir,
}

/// How `rhaid` ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Scripts {
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let scripts = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        for (name, text) in files {
            scripts.write(name, text);
        }
        scripts
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).expect("a written file");
    }

    /// `rhaid run ARGS…` in the directory, with nothing on standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        ended(self.command(args).stdin(Stdio::null()).output().expect("rhaid runs"))
    }

    /// The same, with `input` on standard input.
    pub(crate) fn run_with(&self, input: &str, args: &[&str]) -> Ended {
        let mut child = self.command(args).spawn().expect("rhaid runs");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        ended(child.wait_with_output().expect("it ends"))
    }

    /// The command, with pipes for its standard streams.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = rhaid();
        command.current_dir(self.path()).arg("run").args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// `rhaid`, unmoved by the environment of the tests.
pub(crate) fn rhaid() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhaid"));
    for variable in ["RHAID_URL", "RUST_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TRACEPARENT"] {
        command.env_remove(variable);
    }
    command
}

pub(crate) fn ended(output: Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}
