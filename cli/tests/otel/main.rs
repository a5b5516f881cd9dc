//! The spans that `rhaid worker --otlp` sends to a collector.

// What these tests use of the support for the other tests of the command.
#[path = "../rhaid/command.rs"]
#[allow(dead_code, reason = "these tests use a part")]
mod command;
#[path = "../rhaid/following.rs"]
#[allow(dead_code, reason = "these tests use a part")]
mod following;
mod protobuf;
#[path = "../rhaid/site.rs"]
#[allow(dead_code, reason = "these tests use a part")]
mod site;
mod spans;
