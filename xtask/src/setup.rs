use std::process::{Command, Stdio};

use crate::error::Error;

/// Formats the code.
pub(crate) static RUSTFMT: Tool = Tool {
    name: "rustfmt",
    probe: &["cargo", "fmt", "--version"],
    install: || rustup_component("rustfmt"),
    advice: "install the rustfmt that belongs to your Rust toolchain (with rustup: `rustup component add rustfmt`)",
};

/// Lints the code.
pub(crate) static CLIPPY: Tool = Tool {
    name: "clippy",
    probe: &["cargo", "clippy", "--version"],
    install: || rustup_component("clippy"),
    advice: "install the clippy that belongs to your Rust toolchain (with rustup: `rustup component add clippy`)",
};

/// Tests start servers of their own with it; none has to be running.
pub(crate) static REDIS_SERVER: Tool = Tool {
    name: "redis-server",
    probe: &["redis-server", "--version"],
    install: || apt_package("redis-server"),
    advice: "install the package `redis-server` (Debian, Ubuntu) or `redis` (Fedora, Arch, Homebrew): tests need it",
};

/// Runs the client in Python of docs/list-protocol.md.
pub(crate) static PYTHON: Tool = Tool {
    name: "python3",
    probe: &["python3", "--version"],
    install: || apt_package("python3"),
    advice: "install Python 3: a test runs the client of docs/list-protocol.md with it",
};

/// Runs the client in JavaScript of docs/list-protocol.md.
pub(crate) static NODE: Tool = Tool {
    name: "node",
    probe: &["node", "--version"],
    install: || apt_package("nodejs"),
    advice: "install Node.js: a test runs the client of docs/list-protocol.md with it",
};

/// Runs the examples of docs/gateway.md.
pub(crate) static CURL: Tool = Tool {
    name: "curl",
    probe: &["curl", "--version"],
    install: || apt_package("curl"),
    advice: "install the package `curl`: a test runs the examples of docs/gateway.md with it",
};

/// Makes the certificates of tests.
pub(crate) static OPENSSL: Tool = Tool {
    name: "openssl",
    probe: &["openssl", "version"],
    install: || apt_package("openssl"),
    advice: "install the package `openssl`: tests make their certificates with it",
};

/// Shows the web pages in their tests.
pub(crate) static CHROMIUM: Tool = Tool {
    name: "chromium",
    probe: &["chromium", "--version"],
    install: || apt_package("chromium"),
    advice: "install the package `chromium` (Debian, Fedora, Arch): tests look at the web pages with it",
};

/// Drives Chromium in these tests.
pub(crate) static CHROMEDRIVER: Tool = Tool {
    name: "chromedriver",
    probe: &["chromedriver", "--version"],
    install: || apt_package("chromium-driver"),
    advice: "install the package `chromium-driver` (Debian) or `chromedriver` (Fedora): tests of the web pages need it",
};

/// A program that a step needs, and how it comes onto this machine.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    /// A command that succeeds once the tool is here.
    probe: &'static [&'static str],
    /// Installs it, or returns the reason why it cannot.
    install: fn() -> Result<(), String>,
    /// What users can do when `install` can't.
    advice: &'static str,
}

impl Tool {
    /// Installs the tool unless it is here. A tool that is still missing then is an error: no step is skipped.
    pub(crate) fn ensure(&self) -> Result<(), Error> {
        if succeeds(self.probe) {
            return Ok(());
        }
        println!("{} is missing: installing it", self.name);
        let installed = (self.install)().and_then(|()| {
            if succeeds(self.probe) {
                Ok(())
            } else {
                Err(format!("`{}` fails even after installing it", self.probe.join(" ")))
            }
        });
        installed.map_err(|reason| Error::MissingTool { name: self.name, reason, advice: self.advice })
    }
}

fn rustup_component(component: &str) -> Result<(), String> {
    if !succeeds(&["rustup", "--version"]) {
        return Err("rustup, which could add it, is not installed".to_owned());
    }
    shown(&["rustup", "component", "add", component])
}

fn apt_package(package: &str) -> Result<(), String> {
    if !succeeds(&["apt-get", "--version"]) {
        return Err("apt-get, which could install it, is not installed".to_owned());
    }
    if !is_root() {
        return Err("only root can install it with apt-get".to_owned());
    }
    let install = ["apt-get", "install", "-y", "--no-install-recommends", package];
    // The package lists of a fresh machine are empty, those of an old one stale; on others the first try is
    // enough, and works without a network when the package is cached.
    shown(&install).or_else(|_| shown(&["apt-get", "update"]).and_then(|()| shown(&install)))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether a command can be run and succeeds; what it prints is dropped.
fn succeeds(command: &[&str]) -> bool {
    let status = started(command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a command with its output on the terminal.
fn shown(command: &[&str]) -> Result<(), String> {
    let line = command.join(" ");
    println!("{line}");
    match started(command).stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(error) => Err(format!("`{line}` could not be started: {error}")),
    }
}

fn started(command: &[&str]) -> Command {
    let mut started = Command::new(command[0]);
    // A question in the middle of an unattended installation would hang it.
    started.args(&command[1..]).env("DEBIAN_FRONTEND", "noninteractive");
    started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_that_is_here_is_not_installed() {
        let tool = Tool {
            name: "cargo",
            probe: &["cargo", "--version"],
            install: || Err("it was installed again".to_owned()),
            advice: "",
        };
        assert!(tool.ensure().is_ok());
    }

    #[test]
    fn tool_that_cannot_be_installed_is_an_error_with_advice() {
        let tool = Tool {
            name: "abacus",
            probe: &["no-such-program-abacus"],
            install: || Err("no shop sells it".to_owned()),
            advice: "count on your fingers",
        };
        let said = tool.ensure().map_err(|error| error.to_string());
        assert_eq!(said, Err("abacus is missing and no shop sells it; count on your fingers".to_owned()));
    }

    #[test]
    fn installation_that_changes_nothing_is_an_error() {
        let tool =
            Tool { name: "abacus", probe: &["no-such-program-abacus"], install: || Ok(()), advice: "" };
        assert!(tool.ensure().is_err_and(|error| error.to_string().contains("even after installing it")));
    }
}
