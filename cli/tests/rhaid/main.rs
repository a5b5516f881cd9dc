//! The real binary: what it prints, where, and how it ends.
//!
//! # Layout
//! - `command`: runs the binary in a directory of its own.
//! - `site`: a Redis server, and workers and commands that use it.
//! - `results`, `failures`, `bad_input`, `ends`, `live`: what is claimed of `rhaid run`.
//! - `check`, `functions`: what is claimed of these commands, and that docs/scripting.md is what the tables say.
//! - `modules`: what scripts may call, and secrets.
//! - `remote`, `workers`, `bad_server`: what is claimed of the commands over Redis.
//! - `supervision`: what is claimed of the child process of `rhaid worker`.
//! - `examples`: the scripts under examples/scripts/ print what they should.
//! - `usage_example`: the example of the README, over Redis.

mod bad_input;
mod bad_server;
mod cascade;
mod check;
mod command;
mod ends;
mod examples;
mod failures;
mod functions;
mod live;
mod modules;
mod remote;
mod results;
mod site;
mod supervision;
mod usage_example;
mod workers;
