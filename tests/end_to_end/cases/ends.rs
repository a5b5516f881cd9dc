//! How tasks end, and are ended.

use std::time::Duration;

use rhai_dispatcher::task::{Cancelled, Progress};
use rhai_dispatcher::{CancelReason, RhaiDispatcherError, TaskStatus, WorkerId};

use super::LONG;
use crate::fixture::{Fixture, processing};

pub(super) async fn timeout_withdraws_the_task(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = client.new_play_request().worker_id("worker-1").script("sleep(3600)");
    let timed_out = request.timeout(Duration::from_secs(1)).await_response().await;
    let Err(RhaiDispatcherError::Timeout(timed_out)) = timed_out else { panic!("{timed_out:?}") };
    let id = timed_out.task_id();
    let details = client.wait(id, LONG).await.unwrap();
    assert_eq!(details.status, TaskStatus::Cancelled);
    // The second is the deadline behind it, for a caller that did not get to withdraw it in time.
    let reason = details.cancel_reason.unwrap();
    assert!(matches!(reason, CancelReason::Withdrawn | CancelReason::Expired), "{reason}");
}

pub(super) async fn progress_says_what_a_task_waits_for(fixture: Fixture) {
    let client = fixture.client();
    let worker_id = WorkerId::try_from("worker-1").unwrap();
    client.transport().set_paused(&worker_id, true).await.unwrap();
    let id = client.new_play_request().worker_id("worker-1").script("sleep(3600)").submit().await.unwrap();
    assert_eq!(client.progress(id).await.unwrap().to_string(), "no worker serves worker-1");
    let _worker = fixture.worker("worker-1").await;
    assert_eq!(client.progress(id).await.unwrap().to_string(), "the queue of worker-1 is paused");
    client.transport().set_paused(&worker_id, false).await.unwrap();
    processing(&client, id).await;
    let progress = client.progress(id).await.unwrap();
    assert!(matches!(progress, Progress::Running { since: Some(_), instance: Some(_) }), "{progress}");
    client.cancel(id).await.unwrap();
    client.wait(id, LONG).await.unwrap();
    assert_eq!(client.progress(id).await.unwrap(), Progress::Ended(TaskStatus::Cancelled));
}

pub(super) async fn kept_task_outlives_its_timeout(fixture: Fixture) {
    let client = fixture.client();
    client.transport().connect().await.unwrap();
    let request = client.new_play_request().worker_id("worker-1").script("7").keep_on_timeout();
    let timed_out = request.timeout(Duration::from_secs(1)).await_response().await;
    let Err(RhaiDispatcherError::Timeout(timed_out)) = timed_out else { panic!("{timed_out:?}") };
    let id = timed_out.task_id();
    let _worker = fixture.worker("worker-1").await;
    assert_eq!(client.wait(id, LONG).await.unwrap().into_result::<u64>().unwrap(), 7);
}

pub(super) async fn any_dispatcher_can_wait_for_a_task(fixture: Fixture) {
    let (client, other) = (fixture.client(), fixture.client());
    let id = client.new_play_request().worker_id("worker-1").script("[1, 2]").submit().await.unwrap();
    let before = other.wait(id, LONG);
    let worker = async { fixture.worker("worker-1").await };
    let (before, _worker) = futures::join!(before, worker);
    assert_eq!(before.unwrap().into_result::<Vec<u64>>().unwrap(), [1, 2]);
    let after = other.wait(id, LONG).await.unwrap();
    assert_eq!(after.output.unwrap().to_string(), "[1,2]");
}

pub(super) async fn waiting_task_is_cancelled(fixture: Fixture) {
    let client = fixture.client();
    let id = client.new_play_request().worker_id("worker-1").script("1").submit().await.unwrap();
    assert_eq!(client.cancel(id).await.unwrap(), Cancelled::Removed);
    let details = client.wait(id, LONG).await.unwrap();
    assert_eq!((details.status, details.delivery), (TaskStatus::Cancelled, 0));
    assert_eq!(client.cancel(id).await.unwrap(), Cancelled::AlreadyFinished);
}

pub(super) async fn running_task_is_cancelled(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    for script in ["sleep(3600)", "loop { }", "loop { try { loop { } } catch { } }"] {
        let id = client.new_play_request().worker_id("worker-1").script(script).submit().await.unwrap();
        processing(&client, id).await;
        assert_eq!(client.cancel(id).await.unwrap(), Cancelled::Requested);
        let details = client.wait(id, LONG).await.unwrap();
        assert_eq!(details.status, TaskStatus::Cancelled, "{script}");
        assert_eq!(details.cancel_reason, Some(CancelReason::Asked), "{script}");
    }
}

pub(super) async fn repeated_request_joins_the_first(fixture: Fixture) {
    let client = fixture.client();
    let request =
        |script: &str| client.new_play_request().worker_id("worker-1").script(script).request_id("order-7");
    let first = request("1").submit().await.unwrap();
    assert_eq!(request("1").submit().await.unwrap(), first);
    let conflict = request("2").submit().await;
    assert!(
        matches!(conflict, Err(RhaiDispatcherError::RequestIdConflict(id)) if id == first),
        "{conflict:?}"
    );
    let _worker = fixture.worker("worker-1").await;
    assert_eq!(request("1").timeout(LONG).await_response().await.unwrap().task_id, first);
}

pub(super) async fn failing_task_is_tried_again(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let script = r#"if delivery < 3 { throw "not yet" } delivery"#;
    let request = client.new_play_request().worker_id("worker-1").script(script).timeout(LONG);
    let request = request.retries(5).backoff(Duration::from_millis(1), Duration::from_millis(5));
    let details = request.await_response().await.unwrap();
    assert_eq!((details.status, details.delivery, details.attempt), (TaskStatus::Completed, 3, 2));
}

pub(super) async fn many_are_submitted_at_once(fixture: Fixture) {
    let (client, _worker) = (fixture.client(), fixture.worker("worker-1").await);
    let requests =
        (0..100).map(|n| client.new_play_request().worker_id("worker-1").script("args.n").arg("n", n));
    let ids = client.submit_many(requests.collect()).await.unwrap();
    for (n, id) in ids.into_iter().enumerate() {
        assert_eq!(client.wait(id.unwrap(), LONG).await.unwrap().into_result::<usize>().unwrap(), n);
    }
}

pub(super) async fn drained_worker_releases_its_tasks(fixture: Fixture) {
    let client = fixture.client();
    let first = fixture.worker("worker-1").await;
    let id = client.new_play_request().worker_id("worker-1").script("sleep(3600)").submit().await.unwrap();
    let on_first = processing(&client, id).await;
    first.drain().await.unwrap();
    let released = client.status(id).await.unwrap();
    assert_eq!((released.status, released.delivery), (TaskStatus::Pending, 0));
    let _second = fixture.worker("worker-1").await;
    let on_second = processing(&client, id).await;
    assert_eq!(on_second.delivery, 1, "a release counts no delivery");
    assert_ne!(on_second.instance, on_first.instance);
    assert_eq!(client.cancel(id).await.unwrap(), Cancelled::Requested);
    assert_eq!(client.wait(id, LONG).await.unwrap().status, TaskStatus::Cancelled);
}
