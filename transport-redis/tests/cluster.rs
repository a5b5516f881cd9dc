//! A cluster: its slots, failovers and reshardings, and what goes wrong with it.

mod support;

use futures::executor::block_on;
use rhai_dispatcher_core::{TaskStatus, Transport, TransportExt};
use rhai_dispatcher_redis::RedisConfig;
use rhai_dispatcher_test_redis::{ClusterDeployment, RedisServer};
use std::time::Duration;
use support::{attach, claim, complete, open_config, refusal, task};

fn config(url: &str) -> RedisConfig {
    RedisConfig::new(url).with_call_timeout(Duration::from_secs(20))
}

#[test]
fn a_task_runs_in_a_cluster() {
    let deployment = ClusterDeployment::start(3, 0);
    let transport = open_config(config(&deployment.url()));
    let consumer = attach(&transport);
    let mut task = task();
    task.id = transport.new_task_id(&task.worker_id);
    let id = block_on(transport.submit_one(task)).expect("accepted").task_id();
    let claimed = claim(&consumer);
    complete(&consumer, claimed.claim);
    assert_eq!(block_on(transport.outcome(id)).expect("an outcome").status, TaskStatus::Completed);
}
