//! The real binary: what it prints, where, and how it ends.
//!
//! # Layout
//! - `command`: runs the binary in a directory of its own.
//! - `results`, `failures`, `bad_input`, `ends`: what is claimed of it.
//! - `examples`: the scripts under examples/scripts/ print what they should.

mod bad_input;
mod command;
mod ends;
mod examples;
mod failures;
mod results;
