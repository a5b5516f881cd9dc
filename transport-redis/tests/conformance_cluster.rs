//! The conformance suite, against a cluster of three masters.

#[path = "support/suite.rs"]
mod suite;

use std::process::ExitCode;

use rhai_dispatcher_test_redis::ClusterDeployment;

fn main() -> ExitCode {
    let deployment = ClusterDeployment::start(3, 0);
    suite::run("redis-cluster", deployment.url())
}
