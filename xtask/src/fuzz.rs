use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::cargo::{Cargo, workspace_root};
use crate::error::Error;

/// Run random scripts over values for a while, in processes of their own, and report those that block a lane, take too much
/// memory, or end the process
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// How long it runs
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The seed of the first process; each further process takes the next one
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder for scripts at fault
    #[arg(long, default_value = "target/fuzz")]
    folder: PathBuf,
}

/// How long one process runs, in seconds: a new one shows what memory a script takes.
const ONE_PROCESS: u64 = 60;

impl Fuzz {
    pub(crate) fn run(self) -> Result<(), Error> {
        let build = Cargo::new("build --release --package rhai-dispatcher-engine --example fuzz_values");
        println!("{}", build.line());
        build.run()?;
        let folder = workspace_root().join(&self.folder);
        std::fs::create_dir_all(&folder).map_err(|source| file_error(&folder, source))?;
        let (mut left, mut seed, mut faults) = (self.minutes * 60, self.seed, 0);
        while left > 0 {
            let seconds = left.min(ONE_PROCESS);
            if !run_one(seconds, seed, &folder)? {
                faults += 1;
            }
            left -= seconds;
            seed += 1;
        }
        if faults == 0 { Ok(()) } else { Err(Error::Found { what: "processes at fault", count: faults }) }
    }
}

/// Runs one process. Returns whether it found no fault.
fn run_one(seconds: u64, seed: u64, folder: &Path) -> Result<bool, Error> {
    let program = workspace_root().join("target/release/examples/fuzz_values");
    let status = Command::new(&program)
        .args([seconds.to_string(), seed.to_string()])
        .arg(folder)
        .status()
        .map_err(|source| file_error(&program, source))?;
    // A process that found a fault has printed it, and ends with 1; a process that died has left its script.
    if status.code().is_none_or(|code| code > 1) {
        let script = folder.join(format!("died-{seed}.rhai"));
        std::fs::copy(folder.join("script.rhai"), &script).map_err(|source| file_error(&script, source))?;
        println!("{}: it ended the process: {status}", script.display());
    }
    Ok(status.success())
}

fn file_error(path: &Path, source: io::Error) -> Error {
    Error::Start { command: path.display().to_string(), source }
}
