#![doc = include_str!("../README.md")]
//!
//! # Layout
//! - `module`: [`StdlibModule`], which adds all functions to an engine's configuration.
//! - `time`, `random`, `encoding`, `hashing`: the functions, each with its documentation.
//! - `argument`: reads arguments; `sizes`: limits on the length of results; `error`: the error that scripts catch.

mod argument;
mod encoding;
mod error;
mod hashing;
mod module;
mod random;
mod sizes;
mod time;

pub use module::StdlibModule;
