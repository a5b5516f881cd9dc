//! The real binary: its output and its exit codes.
//!
//! # Layout
//! - `command`: runs the binary in a directory of its own.
//! - `site`: a Redis server, and workers and commands that use it.
//! - `results`, `failures`, `bad_input`, `ends`, `live`: tests of `rhaid run`.
//! - `check`, `functions`: tests of these commands, and of docs/scripting.md against the tables of functions.
//! - `handlers`: tests of methods, and of the command of that name.
//! - `modules`: tests of hosts, imports and secrets.
//! - `remote`, `workers`, `tasks`, `bad_server`: tests of the commands over Redis.
//! - `serve`, `serve_load`: tests of the gateway: the clients of its document, tokens, settings; many and hostile clients.
//! - `serve_metrics`: tests of `/metrics` of the gateway, and of the table in docs/gateway.md.
//! - `serve_supervision`: tests of the child process of `rhaid serve`.
//! - `metrics`: tests of `rhaid worker --metrics`, and of the table in docs/operations.md.
//! - `afternoon`: a stuck task, a failing script, a queue without workers and a killed worker, each found by one command.
//! - `supervision`: tests of the child process of `rhaid worker`.
//! - `activity`: tests of how tasks have ended, and of their errors in groups.
//! - `events`: tests of what commands print of a task that runs on a worker.
//! - `inspect`: tests of where a running task is, and of `tail` that comes late or loses its connection.
//! - `examples`: tests of the output of the scripts under examples/scripts/.
//! - `list_protocol`, `list_kills`: tests of the list protocol: the clients of its document, ids in commands, killed workers.
//! - `usage_example`: the example of the README, over Redis.

mod activity;
mod afternoon;
mod bad_input;
mod bad_server;
mod cascade;
mod check;
mod command;
mod ends;
mod events;
mod examples;
mod failures;
mod following;
mod functions;
mod handlers;
mod inspect;
mod list_kills;
mod list_protocol;
mod live;
mod metrics;
mod modules;
mod remote;
mod results;
mod serve;
mod serve_load;
mod serve_metrics;
mod serve_supervision;
mod site;
mod supervision;
mod tasks;
mod usage_example;
mod workers;
