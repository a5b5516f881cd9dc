//! The thin path over a real server.

use std::num::NonZeroUsize;

use futures::executor::block_on;
use rhai_dispatcher_core::{
    Completion, Finish, InstanceSpec, Json, Outcome, Payload, Task, TaskLog, TaskStatus, Transport,
    TransportExt, WorkerId,
};
use rhai_dispatcher_redis::{RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::RedisServer;

#[test]
fn a_task_goes_there_and_its_outcome_comes_back() {
    let server = RedisServer::start();
    // A user that may not load functions uses scripts, as with Redis 6.
    let _ = server.command(&["ACL", "SETUSER", "plain", "on", ">secret", "~*", "&*", "+@all", "-function"]);
    let plain = format!("redis://plain:secret@127.0.0.1:{}/", server.port());
    for url in [server.url(), server.unix_url(), plain] {
        let submitter = RedisTransport::new(RedisConfig::new(&url)).expect("a valid config");
        let runner = RedisTransport::new(RedisConfig::new(&url)).expect("a valid config");
        let worker_id = WorkerId::try_from("worker-1").expect("a name");
        block_on(async {
            let consumer = runner.attach(InstanceSpec::new(worker_id.clone())).await.expect("an instance");
            for _ in 0..3 {
                let mut task = Task::new(worker_id.clone(), Payload::script("40 + 2"), "caller");
                task.awaited = true;
                let id = task.id;
                submitter.submit_one(task).await.expect("accepted");
                let outcome = submitter.outcome(id);
                let claimed = consumer.claim(NonZeroUsize::MIN).await.expect("a claim");
                let done = Completion {
                    claim: claimed[0].claim,
                    finish: Finish::Outcome(Outcome::Completed(Json::parse("42").expect("JSON").into())),
                    log: TaskLog::new(),
                };
                consumer.finish(&[done]).await.remove(0).expect("finished");
                let details = outcome.await.expect("an outcome");
                assert_eq!(details.status, TaskStatus::Completed);
                let looked_up = runner.details_of(id).await.expect("a record");
                assert_eq!(looked_up, *details);
            }
            consumer.detach().await.expect("detached");
        });
    }
}
