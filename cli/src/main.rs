//! The command `rhaid`.
//!
//! # Layout
//! - `cli`: the command line as a whole, [`Cli`].
//! - `command`: its subcommands, a file each.
//! - `options`: the options of subcommands: scripts, their arguments, servers, ids, durations.
//! - `server`: `Server`, the server that a URL names, and the messages for its errors; `reach`: whether it is there.
//! - `backend`: a server, or the memory of this process.
//! - `usage`: what is wrong with a command line.
//! - `batch`: many scripts through one dispatcher, their endings in order.
//! - `report`: the output: results to standard output, everything else to standard error.
//! - `otlp`: the export of spans (feature `otel`).
//! - `interrupt`, `logging`, `exit`, `error`: Ctrl-C, `RUST_LOG`, exit codes, errors of commands.

mod backend;
mod batch;
mod cli;
mod command;
mod error;
mod exit;
mod interrupt;
mod logging;
mod options;
#[cfg(feature = "otel")]
mod otlp;
mod reach;
mod report;
mod server;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use mimalloc::MiMalloc;
use rhai_dispatcher::engine::ScriptAllocator;

use cli::Cli;

/// One thread allocates a task and another thread frees it; the system's allocator makes both threads wait for
/// a lock then. This allocator also counts the memory of each script, for `max_memory`.
#[global_allocator]
static ALLOCATOR: ScriptAllocator<MiMalloc> = ScriptAllocator::new(MiMalloc);

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let name = std::env::args().nth(1);
        usage::explained(error, &Cli::command(), name.as_deref()).exit()
    });
    cli.execute().into()
}
