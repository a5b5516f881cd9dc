//! The command `rhaid`.
//!
//! # Layout
//! - `cli`: the command line as a whole, [`Cli`].
//! - `command`: its subcommands, a file each.
//! - `options`: what subcommands take: scripts, their arguments, servers, ids, durations.
//! - `server`: the server that a URL names, and what is said of it when it fails: `Server`.
//! - `batch`: many scripts through one dispatcher, their endings in order.
//! - `report`: what is printed: results to standard output, all else to standard error.
//! - `interrupt`, `logging`, `exit`, `error`: Ctrl-C, `RUST_LOG`, exit codes, what stops a command.

mod batch;
mod cli;
mod command;
mod error;
mod exit;
mod interrupt;
mod logging;
mod options;
mod report;
mod server;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use rhai_dispatcher::engine::ScriptAllocator;

use cli::Cli;

/// Tasks are made on one thread and dropped on another, which the system's allocator makes both wait
/// for. And it counts what scripts hold, for their limit of memory.
#[global_allocator]
static ALLOCATOR: ScriptAllocator<MiMalloc> = ScriptAllocator::new(MiMalloc);

fn main() -> ExitCode {
    Cli::parse().execute().into()
}
