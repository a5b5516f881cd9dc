//! The project's chores: `cargo xtask test` is all that continuous integration runs.
//!
//! # Layout
//!
//! - `test`: the list of steps that make up `cargo xtask test`
//! - `bench`: `cargo xtask bench`
//! - `chaos`: `cargo xtask chaos`, fault injection
//! - `fuzz`: `cargo xtask fuzz`, random scripts
//! - `servers`: `cargo xtask servers`, tests against other servers than the installed one
//! - `step`: one step: its command or check, its report, its time
//! - `setup`: the tools that steps need, and how each is installed
//! - `checks`: what is checked by reading: dependencies, licences, circles of imports, words, and the paths in documents
//! - `source`: the files of the workspace, and the tokens of Rust source
//! - `cargo`: runs cargo in the workspace
//! - `error`: why a chore ended early
//!
//! A new chore is a module with a `clap::Args` struct that has a `run`, and a line in [`Chore`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports to its terminal")]

mod bench;
mod cargo;
mod chaos;
mod checks;
mod error;
mod fuzz;
mod servers;
mod setup;
mod source;
mod step;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of this project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    Test(test::Test),
    Bench(bench::Bench),
    Chaos(chaos::Chaos),
    Fuzz(fuzz::Fuzz),
    Servers(servers::Servers),
}

fn main() -> ExitCode {
    let ended = match Cli::parse().chore {
        Chore::Test(test) => test.run(),
        Chore::Bench(bench) => bench.run(),
        Chore::Chaos(chaos) => chaos.run(),
        Chore::Fuzz(fuzz) => fuzz.run(),
        Chore::Servers(servers) => servers.run(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
