//! What a program can do with the names and setters of this crate alone.

#![cfg(all(feature = "memory", feature = "redis", feature = "engine"))]
#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher::task::{RetryPolicy, RunState, Uuid};
use rhai_dispatcher::transport::{
    BoxFuture, BoxStream, BridgeClosed, Durability, InstanceId, InstanceInfo, QueueInfo, Signal, Tick,
    TokioBridge, WallTime,
};
use rhai_dispatcher::worker::{LocalBoxFuture, Ran};
use rhai_dispatcher::{
    RhaiDispatcher, RhaiDispatcherBuilder, RhaiDispatcherError, RhaiWorker, TaskErrorKind, TaskFailure,
    TaskId, WorkerId, engine,
};
use rhai_dispatcher_test_redis::RedisServer;

/// Those of both builders that are for Redis. A number that is written out has to do.
macro_rules! redis_settings {
    ($then:ident) => {
        $then! {
            call_timeout(Duration::from_secs(4)),
            durability(Durability::Server),
            events_ttl(Duration::from_secs(60)),
            recheck_interval(Duration::from_secs(10)),
            awaited_limit(1_000),
            max_task_bytes(10_000),
            max_outcome_bytes(1_000),
            max_message_bytes(500),
            bridge(TokioBridge::new()),
            prefix("api"),
        }
    };
}

#[test]
fn each_setting_of_redis_is_refused_by_its_name_in_memory() {
    macro_rules! refused {
        ($($name:ident($value:expr),)*) => {
            $(
                let dispatcher = RhaiDispatcherBuilder::new().caller_id("a").url("memory:x").$name($value);
                let worker = RhaiWorker::builder("worker-1").url("memory:x").$name($value);
                for error in [dispatcher.build().unwrap_err(), worker.build().unwrap_err()] {
                    let RhaiDispatcherError::Invalid(invalid) = error else { panic!("{error:?}") };
                    assert_eq!(invalid.field, stringify!($name));
                }
            )*
        };
    }
    redis_settings!(refused);
}

#[test]
fn settings_of_redis_reach_its_transport() {
    let server = RedisServer::start();
    macro_rules! set {
        ($($name:ident($value:expr),)*) => {
            (
                RhaiDispatcher::builder().caller_id("a").url(server.url())$(.$name($value))*.build().unwrap(),
                RhaiWorker::builder("worker-1").url(server.url()).threads(1)$(.$name($value))*.build().unwrap(),
            )
        };
    }
    let (client, worker) = redis_settings!(set);
    block_on(async {
        let running = worker.start().await.unwrap();
        let request = |script: &str| client.new_play_request().worker_id("worker-1").script(script);
        assert_eq!(request("40 + 2").await.unwrap().into_result::<i64>(), Ok(42));
        let long = request(r#"let s = "0123456789"; s.pad(2_000, '-'); s"#).await.unwrap();
        let Err(TaskFailure::Error(error)) = long.into_result::<String>() else { panic!("over 1,000 bytes") };
        assert_eq!(error.kind, TaskErrorKind::Limit, "{error}");
        let large = request("1").arg("text", "x".repeat(20_000)).await.unwrap_err();
        assert!(
            matches!(large, RhaiDispatcherError::Invalid(ref invalid) if invalid.field == "task"),
            "{large}"
        );
        // Another prefix is another set of queues.
        let other = RhaiDispatcher::builder().caller_id("a").url(server.url()).build().unwrap();
        assert!(other.transport().queues().await.unwrap().is_empty());
        assert_eq!(client.transport().instances(None).await.unwrap().len(), 1);
        running.drain().await.unwrap();
    });
}

#[test]
fn open_types_are_made_by_their_constructors() {
    let policy = RetryPolicy::never()
        .with_max_retries(2)
        .with_first_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(60));
    assert!(policy.backoff(2, 0).unwrap() <= Duration::from_millis(60));
    assert_eq!(policy.backoff(3, 0), None);

    let worker_id = WorkerId::try_from("worker-1").unwrap();
    let info = InstanceInfo::new(worker_id.clone(), InstanceId::new(), WallTime::from_millis(1));
    assert_eq!((info.claimed, info.started_at), (0, None));
    assert_eq!(QueueInfo::empty(worker_id).waiting(), 0);
}

/// Compiles if each type has a name here, which a transport, a clock, a handler or a pool of a program's own has to write.
#[test]
fn types_of_signatures_have_names() {
    struct Names {
        _clock: fn(Tick) -> BoxFuture<'static, ()>,
        _state: Option<RunState>,
        _signals: fn() -> BoxStream<'static, Signal>,
        _handler: fn() -> LocalBoxFuture<'static, Ran>,
        _pool: Option<engine::BlockingError>,
        _bridge: Option<BridgeClosed>,
    }
    let id: Uuid = TaskId::new().as_uuid();
    assert_eq!(TaskId::from_uuid(id).as_uuid(), id);
    assert!(size_of::<Names>() > 0);
}
