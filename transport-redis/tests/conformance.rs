//! The conformance suite, against a real server.

#[path = "support/suite.rs"]
mod suite;

use std::process::ExitCode;

use rhai_dispatcher_test_redis::RedisServer;

fn main() -> ExitCode {
    let server = RedisServer::start();
    suite::run("redis", server.unix_url())
}
