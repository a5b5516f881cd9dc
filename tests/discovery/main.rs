//! Which handlers and methods clients find, and their figures; over memory and over Redis.
//!
//! - `fixture`: workers with methods.
//! - `finding`: lists, calls without a worker id, built-in methods.
//! - `figures`: what is counted.
//! - `processes`: a worker, a client and a third program, each in a process of its own.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]
#![allow(clippy::print_stdout, reason = "processes of a test talk by it")]

mod figures;
mod finding;
mod fixture;
mod processes;
