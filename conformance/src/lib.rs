//! A test suite that every transport passes, and every wrapper of a transport.
//!
//! The contract of `rhai_dispatcher_core::Transport` and `Consumer` is written as `# Behavior`
//! bullets; each is the name of one case here, and `tests/contract.rs` compares the two lists. The cases
//! are tested too: each must fail with at least one [faulty wrapper](FAULTS) that breaks its promise.
//!
//! A transport mounts the suite in a test target with `harness = false`:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use rhai_dispatcher_conformance as conformance;
//! # fn environment() -> Box<dyn conformance::Environment> { panic!("the transport's own") }
//!
//! fn main() -> ExitCode {
//!     conformance::main("memory", environment)
//! }
//! ```
//!
//! # Layout
//! - `environment`: [`Environment`], which a transport implements: a store, and a way to let time pass.
//! - `case`, `cases`: the cases ([`CASES`]), in a file per method or topic of the contract.
//! - `stage`, `instance`, `losses`, `waiting`: shorthands for the cases.
//! - `faulty`: the wrappers ([`FAULTS`]), in files like those of the cases.
//! - `runner`: [`main`] and [`faults_main`].

mod case;
mod cases;
mod environment;
mod faulty;
mod instance;
mod losses;
mod model;
mod runner;
mod stage;
mod waiting;

pub use case::Case;
pub use cases::CASES;
pub use environment::Environment;
pub use faulty::{FAULTS, FaultCase};
pub use model::{World, check_histories};
pub use runner::{faults_main, main};
