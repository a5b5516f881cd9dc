use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cargo::Cargo;
use crate::error::Error;
use crate::setup;

/// Inject faults into processes, connections and the server for a while, and count broken promises
#[derive(Debug, Args)]
pub(crate) struct Chaos {
    /// How long it runs
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// Decides the order of the faults, and the processes that they strike
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Inject every fault once, instead of for a time
    #[arg(long)]
    brief: bool,
    /// Inject only this fault: worker-kill, worker-stop, server-kill, server-kill-everysec, server-pause,
    /// cut, submitter-kill, crash-point or poison
    #[arg(long, value_name = "FAULT")]
    only: Option<String>,
    /// Write the tally to this file as JSON instead of printing it
    #[arg(long)]
    json: Option<PathBuf>,
    /// Switch a protection of the transport off: the run has to fail
    #[arg(long = "break", value_name = "PROTECTION")]
    broken: Option<Protection>,
}

/// A protection that a feature of the transport switches off.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Protection {
    /// A finish is refused if its instance has lost the claim
    Fence,
    /// Every wait is checked against its record after a reconnect
    Recheck,
    /// The record is written before the claim is removed
    FinishOrder,
}

impl Protection {
    const fn feature(self) -> &'static str {
        match self {
            Self::Fence => "rhai-dispatcher-redis/fault-no-fence",
            Self::Recheck => "rhai-dispatcher-redis/fault-no-recheck",
            Self::FinishOrder => "rhai-dispatcher-redis/fault-finish-order",
        }
    }
}

impl Chaos {
    pub(crate) fn run(self) -> Result<(), Error> {
        setup::REDIS_SERVER.ensure()?;
        let mut features = Vec::new();
        if let Some(protection) = self.broken {
            features.extend(["--features".to_owned(), protection.feature().to_owned()]);
        }
        // All of its programs: `cargo run` would build only the one that it runs.
        let build = Cargo::new("build --package rhai-dispatcher-chaos --bins").with_args(features.clone());
        println!("{}", build.line());
        build.run()?;
        let mut args = vec!["--seed".to_owned(), self.seed.to_string()];
        if self.brief {
            args.push("--brief".to_owned());
        } else {
            args.extend(["--minutes".to_owned(), self.minutes.to_string()]);
        }
        if let Some(fault) = self.only {
            args.extend(["--only".to_owned(), fault]);
        }
        if let Some(json) = self.json {
            // Cargo runs it in the workspace's folder.
            let json = std::path::absolute(&json).unwrap_or(json);
            args.extend(["--json".to_owned(), json.display().to_string()]);
        }
        let run = Cargo::new("run --quiet --package rhai-dispatcher-chaos --bin chaos");
        let run = run.with_args(features).with_args(["--".to_owned()]).with_args(args);
        println!("{}", run.line());
        run.run()
    }
}
