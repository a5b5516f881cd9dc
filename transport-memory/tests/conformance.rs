//! The memory transport passes the suite.

mod environment;

use std::process::ExitCode;

fn main() -> ExitCode {
    rhai_dispatcher_conformance::main("memory", environment::memory)
}
