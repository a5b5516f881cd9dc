use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// One run of cargo in the root of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Cargo {
    env: Vec<(&'static str, String)>,
    args: Vec<String>,
}

impl Cargo {
    /// `line` holds the arguments, separated by spaces.
    pub(crate) fn new(line: &str) -> Self {
        Self { env: Vec::new(), args: line.split_whitespace().map(str::to_owned).collect() }
    }

    pub(crate) fn with_env(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.env.push((key, value.into()));
        self
    }

    pub(crate) fn with_args(mut self, args: impl IntoIterator<Item = String>) -> Self {
        self.args.extend(args);
        self
    }

    /// The command as a user types it into a shell.
    pub(crate) fn line(&self) -> String {
        let env = self.env.iter().map(|(key, value)| format!("{key}={} ", quoted(value)));
        let args = self.args.iter().map(|arg| format!(" {}", quoted(arg)));
        env.chain(["cargo".to_owned()]).chain(args).collect()
    }

    /// Runs it with its output on the terminal.
    pub(crate) fn run(&self) -> Result<(), Error> {
        let status = self.command().status().map_err(|source| self.not_started(source))?;
        if status.success() { Ok(()) } else { Err(Error::Command { command: self.line(), status }) }
    }

    /// Runs it and returns what it printed to standard output.
    pub(crate) fn output(&self) -> Result<String, Error> {
        let output =
            self.command().stderr(Stdio::inherit()).output().map_err(|source| self.not_started(source))?;
        if !output.status.success() {
            return Err(Error::Command { command: self.line(), status: output.status });
        }
        String::from_utf8(output.stdout)
            .map_err(|_| Error::Unreadable(format!("`{}` printed no UTF-8", self.line())))
    }

    fn command(&self) -> Command {
        // Cargo passes its own path to the programs that it runs: the cargo that the user chose.
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .current_dir(workspace_root());
        command
    }

    fn not_started(&self, source: std::io::Error) -> Error {
        Error::Start { command: self.line(), source }
    }
}

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_can_be_pasted_into_a_shell() {
        let cargo = Cargo::new("doc --no-deps")
            .with_env("RUSTDOCFLAGS", "-D warnings")
            .with_args(["--bench".to_owned(), "*".to_owned()]);
        assert_eq!(cargo.line(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --bench '*'");
    }

    #[test]
    fn workspace_root_holds_the_manifest() {
        assert!(workspace_root().join("Cargo.toml").is_file());
    }
}
