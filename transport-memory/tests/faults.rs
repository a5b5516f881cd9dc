//! The suite catches what it is there for: it fails over faulty wrappers round the memory transport.

mod environment;

use std::process::ExitCode;

fn main() -> ExitCode {
    rhai_dispatcher_conformance::faults_main("memory", environment::memory)
}
