//! Limits that a request lowers.

use rhai_dispatcher::task::Limits;
use rhai_dispatcher::{RhaiDispatcherError, TaskErrorKind, TaskStatus};

use super::LONG;
use crate::fixture::Fixture;

pub(super) async fn lowered_limits_reach_the_worker(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let limits = Limits::default().with_max_operations(1_000).with_max_array_size(3);
    let request = |script: &str| client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    for (script, says) in [
        ("loop {}", "too many operations (limit: 1000)"),
        ("let a = [1, 2]; a.push(3); a.push(4); a", "(limit: 3)"),
    ] {
        let details = request(script).limits(limits.clone()).await_response().await.unwrap();
        assert_eq!(details.limits.as_deref(), Some(&limits));
        let error = details.error.unwrap();
        assert_eq!(error.kind, TaskErrorKind::Limit);
        assert!(error.message.contains(says), "{error}");
    }
    let script = "let a = [1, 2]; a.push(3); for i in 0..2000 { a[0] += 1; } a[0]";
    let one = request(script).limits(limits.clone()).await_response().await.unwrap();
    let other = request(script).await_response().await.unwrap();
    assert_eq!((one.status, other.status), (TaskStatus::Error, TaskStatus::Completed));
    assert_eq!((other.limits.as_ref(), other.output.unwrap().to_string()), (None, "2001".to_owned()));

    let again = client.resubmit(one.task_id).await.unwrap();
    assert_eq!(client.wait(again, LONG).await.unwrap().limits, one.limits);
    let request = || request("1").request_id("r").limits(limits.clone());
    let first = request().submit().await.unwrap();
    assert_eq!(request().submit().await.unwrap(), first);
    let other = request().limits(Limits::default()).submit().await;
    assert!(matches!(other, Err(RhaiDispatcherError::RequestIdConflict(id)) if id == first), "{other:?}");
}

pub(super) async fn scripts_lower_limits_of_what_they_dispatch(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"
        let said = [];
        for limits in [#{ max_operations: 500 }, #{ max_wall_time: 0.05 }, #{ max_operations: 0 }, #{ other: 1 }, 5] {
            try {
                dispatch("worker-1", #{ script: "sleep(0.2); let n = 0; for i in 0..1000 { n += 1; } n", limits: limits });
                said.push("it ran");
            } catch (error) { said.push(error.to_string()) }
        }
        said.push(dispatch("worker-1", "let n = 0; for i in 0..1000 { n += 1; } n"));
        let n = 0;
        for i in 0..1000 { n += 1; }
        said
    "#;
    let limits = Limits::default().with_max_operations(20_000);
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let details = request.limits(limits).await_response().await.unwrap();
    assert_eq!(details.children.len(), 3, "what is refused is not queued");
    for (id, inherited) in details.children.iter().zip([false, false, true]) {
        let limits = client.status(*id).await.unwrap().limits;
        assert_eq!(limits.is_none(), inherited, "{limits:?}");
    }
    let said: [serde_json::Value; 6] = details.into_result().unwrap();
    let says = [
        "operations (limit: 500)",
        "limit of 50ms",
        "max_operations: ",
        "no limit is named \"other\"",
        "",
        "1000",
    ];
    for (said, says) in said.iter().zip(says) {
        let said = said.to_string().replace("\\\"", "\"");
        assert!(said.contains(says) && !said.contains("it ran"), "{said}: {says}");
    }
}
