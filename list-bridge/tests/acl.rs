//! A bridge whose user has only the rights of docs/operations.md.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher_core::{Cancelled, Dispatcher, DispatcherConfig, TaskId, Transport};
use rhai_dispatcher_list_bridge::FollowingTransport;
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use support::{Site, runs, until};

#[test]
fn a_bridge_needs_no_more_than_is_documented() {
    let mut site = Site::new();
    let lines = include_str!("../../docs/operations.md").lines().map(str::trim);
    for line in lines.filter(|line| line.starts_with("ACL SETUSER worker ")) {
        let answer = site.server.command(&line.split(' ').collect::<Vec<_>>());
        assert!(answer.starts_with("+OK"), "{line}: {answer}");
    }
    let url = site.server.url().replace("redis://", "redis://worker:SECRET@");
    site.transport = RedisTransport::new(RedisConfig::new(url)).expect("a valid config");
    let (_worker, counted) = site.worker();
    let bridge = site.bridge();
    site.submit("first", &[("script", "42")]);
    assert_eq!(site.reply("first")["output"], "42");
    let transport: Arc<dyn Transport> = Arc::new(FollowingTransport::new(site.transport.clone()));
    let client = Dispatcher::new(transport, DispatcherConfig::new("test").expect("a caller"));
    let id = TaskId::new();
    site.submit(&id.to_string(), &[("script", "wait")]);
    until("it runs", || runs(&counted) == 2);
    until("its id leads to the task", || {
        block_on(client.status(id)).is_ok_and(|details| details.task_id != id)
    });
    assert_eq!(block_on(client.cancel(id)).expect("an answer"), Cancelled::Requested);
    block_on(client.wait(id, Duration::from_secs(30))).expect("an outcome");
    assert_eq!(site.reply(&id.to_string())["status"], "error");
    drop(bridge);
    assert_eq!(site.server.command(&["ACL", "LOG"]), "*0\r\n");
}
