//! How tasks have ended.

use std::time::Duration;

use futures::StreamExt;
use rhai_dispatcher::activity::{ActivityEntry, ActivityNews};
use rhai_dispatcher::{CancelReason, RhaiDispatcher, TaskStatus, WorkerId};

use crate::fixture::Fixture;

pub(super) async fn activity_has_what_has_ended(fixture: Fixture) {
    let (client, worker) = (fixture.client(), fixture.worker("worker-1").await);
    let run = |script: &str| client.new_play_request().worker_id("worker-1").script(script);
    let completed = run("sleep(0.02); 1").context_id("Ann").await.unwrap();
    let failing = "throw `card ${41 + 1} was declined`";
    let (first, second) = (run(failing).await.unwrap(), run("throw `card 7 was declined`").await.unwrap());
    let waiting = client.new_play_request().worker_id("unserved").script("1").submit().await.unwrap();
    client.cancel(waiting).await.unwrap();
    worker.drain().await.unwrap();

    let found = read(&client, "worker:worker-1").await;
    // Lanes may log what ends at nearly the same time in another order.
    let of = |id| found.iter().find(|entry| entry.task_id == id).unwrap();
    assert_eq!(found.len(), 3, "each once: {found:?}");
    assert_eq!([of(first.task_id), of(second.task_id)].map(|entry| entry.status), [TaskStatus::Error; 2]);
    let entry = of(completed.task_id);
    assert_eq!((entry.status, entry.context_id.as_deref()), (TaskStatus::Completed, Some("Ann")));
    assert!(entry.run_time.is_some_and(|time| time >= Duration::from_millis(20)), "{entry:?}");
    assert!(entry.queue_time.is_some(), "{entry:?}");
    assert_eq!((entry.delivery, entry.instance), (1, completed.instance));
    assert_eq!(&*entry.caller_id, "caller-1");

    let all = client.get_latest_activity().await.unwrap();
    // Over Redis the cancel is logged at once, and the runs are gathered first.
    let cancelled = all.iter().find(|entry| entry.task_id == waiting).unwrap();
    assert_eq!((all.len(), cancelled.cancel_reason), (4, Some(CancelReason::Asked)));
    assert_eq!(read(&client, "status:error declined \"card 42\"").await.len(), 1);

    // Pages have the same, in the same order.
    let mut paged = Vec::new();
    let mut page = client.activity("".parse().unwrap()).limit(1).await.unwrap();
    loop {
        assert!(page.entries.len() <= 1);
        paged.extend(page.entries);
        let Some(next) = page.next else { break };
        page = client.activity("".parse().unwrap()).limit(1).after(next).await.unwrap();
    }
    assert_eq!(paged, all);

    let errors = client.errors("since:1h".parse().unwrap()).await.unwrap();
    assert_eq!((errors.groups.len(), errors.others, errors.truncated), (1, 0, false));
    let group = &errors.groups[0];
    let (first, second) = (of(first.task_id), of(second.task_id));
    // Its example is the later one, if that can be told: times are in milliseconds.
    let example = if group.task_id == first.task_id { first } else { second };
    assert_eq!((group.count, group.task_id), (2, example.task_id));
    assert_eq!(Some(&group.error), example.error.as_ref());
    assert_eq!((group.first, group.last), (first.ended_at.min(second.ended_at), example.ended_at));
    assert!(group.first <= group.last);
    let of_group = format!("fingerprint:{}", group.fingerprint);
    assert_eq!(read(&client, &of_group).await.len(), 2);
}

pub(super) async fn activity_has_each_try(fixture: Fixture) {
    let (client, worker) = (fixture.client(), fixture.worker("worker-1").await);
    let request = client.new_play_request().worker_id("worker-1").script("throw `no`").retries(1);
    let ended = request.await.unwrap();
    worker.drain().await.unwrap();
    let found = read(&client, "").await;
    let tries: Vec<_> = found.iter().map(|entry| (entry.status, entry.delivery, entry.attempt)).collect();
    assert_eq!(tries, [(TaskStatus::Error, 2, 1), (TaskStatus::Pending, 1, 0)], "{ended:?}");
    assert!(found.iter().all(|entry| entry.error.as_ref().is_some_and(|error| error.message == "no")));
    // From the end of the backoff: less than from the acceptance.
    let waited = found[0].queue_time.unwrap();
    assert!(
        found[0].ended_at - found[1].ended_at >= waited.saturating_sub(Duration::from_millis(5)),
        "{found:?}"
    );
}

pub(super) async fn activity_is_watched_and_can_be_off(fixture: Fixture) {
    let client = fixture.client();
    let worker_id = WorkerId::try_from("worker-1").unwrap();
    let mut watch = client.watch_activity(&worker_id).await.unwrap();
    let quiet = fixture.worker_without_activity("worker-1").await;
    let run = || client.new_play_request().worker_id("worker-1").script("1");
    run().await.unwrap();
    quiet.drain().await.unwrap();
    assert_eq!(client.get_latest_activity().await.unwrap(), []);

    let _worker = fixture.worker("worker-1").await;
    let seen = run().await.unwrap();
    let Some(ActivityNews::Entry(entry)) = watch.next().await else { panic!("an entry") };
    assert_eq!(entry.task_id, seen.task_id);
}

async fn read(client: &RhaiDispatcher, filter: &str) -> Vec<ActivityEntry> {
    let page = client.activity(filter.parse().unwrap()).await.unwrap();
    assert_eq!(page.next, None);
    page.entries
}
