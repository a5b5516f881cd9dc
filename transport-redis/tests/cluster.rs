//! A cluster: its slots, failovers and reshardings, and what goes wrong with it.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use rhai_dispatcher_core::{
    ActivityNews, Claimed, Consumer, InstanceSpec, LogLevel, LogLine, RunEvent, SubmitError, Task, TaskEvent,
    TaskId, TaskStatus, Transport, TransportConfig, TransportExt, WorkerId,
};
use rhai_dispatcher_redis::{Durability, RedisConfig, RedisTransport};
use rhai_dispatcher_test_redis::{Certificates, ClusterDeployment, RedisServer, Validity};
use support::load::{SUBMITTERS, expect_records, load_across};
use support::{attach, claim, complete, completed, ended, open_config, refusal, run_one, submit, task_for};

/// Time enough for a failover and a slow machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

fn config(url: &str) -> RedisConfig {
    let transport = TransportConfig::default().with_lease(Duration::from_secs(6));
    let config = RedisConfig::new(url).with_call_timeout(CALL_TIMEOUT).with_transport(transport);
    config.with_recheck_interval(Duration::from_secs(5))
}

/// The slot of the worker id of most of these tests.
fn slot(deployment: &ClusterDeployment) -> u16 {
    slot_of(deployment, "worker-1")
}

fn slot_of(deployment: &ClusterDeployment, name: &str) -> u16 {
    let answer = deployment.nodes[0].command(&["CLUSTER", "KEYSLOT", &format!("rhailib:{name}")]);
    answer.trim().trim_start_matches(':').parse().expect("a slot")
}

/// How many keys a server has of its own slots.
fn keys(server: &RedisServer) -> usize {
    let answer = server.command(&["DBSIZE"]);
    answer.trim().trim_start_matches(':').parse().expect("a number")
}

#[test]
fn each_worker_id_is_on_one_server_and_all_servers_have_some() {
    const WORKERS: usize = 64;
    let deployment = ClusterDeployment::start(3, 0);
    let transport = open_config(config(&deployment.url()));
    for number in 0..WORKERS {
        if number == WORKERS / 2 {
            // All servers know the scripts by now.
            deployment.nodes.iter().for_each(|node| drop(node.command(&["CONFIG", "RESETSTAT"])));
        }
        let worker_id = WorkerId::try_from(format!("worker-{number}")).expect("a name");
        let consumer = block_on(transport.attach(InstanceSpec::new(worker_id.clone()))).expect("an instance");
        let task = Task { id: transport.new_task_id(&worker_id), worker_id, ..task_for(&transport) };
        let id = block_on(transport.submit_one(task)).expect("accepted").task_id();
        let outcome = transport.outcome(id);
        complete(&consumer, claim(&consumer).claim);
        block_on(outcome).expect("an outcome");
        block_on(consumer.detach()).expect("detached");
    }
    assert_eq!(
        block_on(transport.queues()).expect("queues").len(),
        0,
        "all are empty, and no instance serves them"
    );
    assert_eq!(
        block_on(transport.active_worker_ids()).expect("worker ids").len(),
        0,
        "activity is the instances'"
    );
    for node in &deployment.nodes {
        assert!(keys(node) > WORKERS / 3, "{} keys", keys(node));
        let errors = node.command(&["INFO", "errorstats"]);
        assert!(!errors.contains("errorstat_"), "no script leaves its slot: {errors}");
    }
}

/// A task for a worker id, which an instance has claimed.
fn run(transport: &RedisTransport, worker_id: &WorkerId) -> (Arc<dyn Consumer>, Claimed) {
    let consumer = block_on(transport.attach(InstanceSpec::new(worker_id.clone()))).expect("an instance");
    let id = transport.new_task_id(worker_id);
    let task = Task { id, worker_id: worker_id.clone(), ..task_for(transport) };
    block_on(transport.submit_one(task)).expect("accepted");
    let claimed = claim(&consumer);
    (consumer, claimed)
}

/// Two worker ids on different servers, of which the second has the list of queues too.
fn worker_ids(deployment: &ClusterDeployment) -> [WorkerId; 2] {
    let master = |name: &str| deployment.master_of(slot_of(deployment, name), 0);
    let names = || (0..).map(|number| format!("worker-{number}"));
    let far = names().find(|name| master(name) != master("queues")).expect("a name");
    let near = names().find(|name| master(name) == master("queues")).expect("a name");
    [far, near].map(|name| WorkerId::try_from(name).expect("a name"))
}

#[test]
fn events_and_activity_are_followed_across_servers() {
    let deployment = ClusterDeployment::start(3, 0);
    let transport = open_config(config(&deployment.url()));
    let worker_ids = worker_ids(&deployment);
    let runs = worker_ids.each_ref().map(|worker_id| run(&transport, worker_id));
    let mut watches = worker_ids
        .each_ref()
        .map(|worker_id| block_on(transport.watch_activity(worker_id)).expect("a watch"));
    let mut followed = runs.each_ref().map(|(_, claimed)| transport.events(claimed.claim.task));
    for (((consumer, claimed), events), watch) in runs.iter().zip(&mut followed).zip(&mut watches) {
        for number in 0..3 {
            let line = LogLine { level: LogLevel::Print, text: format!("line {number}") };
            consumer.publish(&claimed.claim, RunEvent::Line { number, line: line.clone() });
            let told = std::iter::from_fn(|| block_on(events.next()));
            let is_line = |event| matches!(event, Ok(TaskEvent::Line { text, .. }) if text == line.text);
            assert!(told.into_iter().any(is_line), "it comes before the outcome");
        }
        consumer.record_activity(vec![ended(&transport, claimed)]);
        let news = block_on(watch.next()).expect("news of it");
        assert!(matches!(news, ActivityNews::Entry(entry) if entry.task_id == claimed.claim.task));
        complete(consumer, claimed.claim);
    }
}

#[test]
fn a_server_that_is_away_harms_the_tasks_of_its_own_slots_only() {
    let mut deployment = ClusterDeployment::start(3, 0);
    for node in &deployment.nodes {
        let _ = node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let config = config(&deployment.url());
    let (transport, other) = (open_config(config.clone()), open_config(config));
    let [away, there] = worker_ids(&deployment);
    let ((_consumer, lost), (consumer, claimed)) = (run(&transport, &away), run(&transport, &there));
    // Waits of another handle: both records are read together.
    let mut waits = [lost.claim.task, claimed.claim.task].map(|id| other.outcome(id));
    assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()));
    let dead = deployment.master_of(slot_of(&deployment, away.as_str()), 0);
    deployment.nodes[dead].kill();
    let [wait_for_lost, wait] = waits;
    let late = other.outcome(claimed.claim.task);
    let mut late = Box::pin(late);
    assert!((&mut late).now_or_never().is_none());
    complete(&consumer, claimed.claim);
    for wait in [wait, late.boxed()] {
        assert_eq!(block_on(wait).expect("an outcome").status, TaskStatus::Completed);
    }
    assert!(transport.health().connected && other.health().connected);
    let (consumer, claimed) = run(&transport, &there);
    complete(&consumer, claimed.claim);
    drop(wait_for_lost);
}

#[test]
fn no_confirmed_task_is_lost_when_a_master_dies() {
    let mut deployment = ClusterDeployment::start(3, 1);
    let master = deployment.master_of(slot(&deployment), 0);
    let replica = deployment.replica_of(master);
    let durability = Durability::Replicas { replicas: 1, timeout: Duration::from_millis(500) };
    let config = config(&deployment.url()).with_durability(durability);
    let tally = load_across(&config, || {
        deployment.nodes[master].kill();
        deployment.wait_for_master(replica);
        // It becomes the replica without which no write is confirmed.
        deployment.nodes[master].restart();
        deployment.wait_for_replica(master);
    });
    assert_eq!(tally.lost, 0, "{} completed", tally.completed.len());
    expect_records(&config, &tally);
}

#[test]
fn clients_move_to_the_replica_of_a_master_that_dies() {
    let mut deployment = ClusterDeployment::start(3, 1);
    let master = deployment.master_of(slot(&deployment), 0);
    let replica = deployment.replica_of(master);
    let tally = load_across(&config(&deployment.url()), || {
        deployment.nodes[master].kill();
        deployment.wait_for_master(replica);
    });
    // What the master had acknowledged and not replicated: at most what each submitter had under way.
    assert!(tally.lost <= SUBMITTERS, "{tally:?}");
}

#[test]
fn clients_follow_a_failover_that_was_asked_for() {
    let deployment = ClusterDeployment::start(3, 1);
    let master = deployment.master_of(slot(&deployment), 0);
    let replica = deployment.replica_of(master);
    let config = config(&deployment.url());
    let tally = load_across(&config, || {
        let answer = deployment.nodes[replica].command(&["CLUSTER", "FAILOVER"]);
        assert!(answer.starts_with("+OK"), "{answer}");
        deployment.wait_for_master(replica);
        deployment.wait_for_replica(master);
    });
    assert_eq!(tally.lost, 0, "the old master has waited for its replica: {tally:?}");
    expect_records(&config, &tally);
}

#[test]
fn nothing_is_lost_while_slots_move() {
    const MOVES: usize = 6;
    let deployment = ClusterDeployment::start(3, 0);
    let slot = slot(&deployment);
    let config = config(&deployment.url());
    let mut at = deployment.master_of(slot, 0);
    let tally = load_across(&config, || {
        for _ in 0..MOVES {
            let to = (at + 1) % deployment.nodes.len();
            deployment.move_slot(slot, at, to);
            at = to;
        }
    });
    assert_eq!((tally.lost, tally.unavailable), (0, 0), "{} completed", tally.completed.len());
    expect_records(&config, &tally);
}

/// All of a slot waits while its keys are moved: a script that saw some of them would lose tasks.
#[test]
fn a_slot_on_its_way_is_unavailable_and_nothing_of_it_is_seen_in_part() {
    let deployment = ClusterDeployment::start(2, 0);
    let config = config(&deployment.url()).with_call_timeout(Duration::from_secs(2));
    let transport = open_config(config);
    let consumer = attach(&transport);
    let id = submit(&transport);
    let claimed = claim(&consumer);
    let from = deployment.master_of(slot(&deployment), 0);
    deployment.begin_to_move_slot(slot(&deployment), from, 1 - from);
    let done = block_on(consumer.finish(&[completed(claimed.claim)])).remove(0);
    assert!(done.as_ref().is_err_and(rhai_dispatcher_core::TransportError::is_retryable), "{done:?}");
    let told = block_on(transport.submit_one(task_for(&transport))).expect_err("unavailable");
    assert!(told.to_string().contains("ASK "), "{told}");
    deployment.move_slot(slot(&deployment), from, 1 - from);
    complete(&consumer, claimed.claim);
    assert!(block_on(transport.outcome(id)).expect("an outcome").status.is_terminal());
    run_one(&transport);
}

#[test]
fn a_server_that_leaves_is_forgotten() {
    let mut deployment = ClusterDeployment::start(2, 0);
    let transport = open_config(config(&deployment.url()));
    run_one(&transport);
    let left = deployment.master_of(slot(&deployment), 0);
    deployment.move_all_slots(left, 1 - left);
    run_one(&transport);
    let id = deployment.id(left);
    deployment.nodes[left].kill();
    deployment.forget(&id);
    run_one(&transport);
    support::until("no problem is left", || transport.health().connected);
}

#[test]
fn a_task_in_another_slot_is_refused_with_the_way_to_a_right_one() {
    let deployment = ClusterDeployment::start(3, 0);
    let transport = open_config(config(&deployment.url()));
    let slot = |id: TaskId| deployment.nodes[0].command(&["CLUSTER", "KEYSLOT", &format!("rhailib:{id}")]);
    let right = task_for(&transport);
    let wrong = std::iter::repeat_with(TaskId::new).find(|id| slot(*id) != slot(right.id)).expect("many ids");
    let task = Task { id: wrong, ..right };
    let told = block_on(transport.submit(vec![task.into()])).expect("an answer").remove(0);
    let Err(SubmitError::Invalid(invalid)) = told else { panic!("{told:?}") };
    assert_eq!(invalid.field, "id");
    assert!(invalid.to_string().contains("new_task_id"), "{invalid}");
}

#[test]
fn all_servers_of_a_cluster_use_tls() {
    let certificates = Certificates::new();
    certificates.sign("server", "IP:127.0.0.1", Validity::Now);
    let deployment = ClusterDeployment::with_tls(&certificates, "server", 3);
    run_one(&open_config(config(&deployment.url()).with_tls_ca(certificates.ca())));
    let told = refusal(config(&deployment.url()).with_tls_ca(Certificates::new().ca()));
    assert!(told.contains("not of an authority that is trusted"), "{told}");
    let told = refusal(config(&deployment.url().replace("rediss-", "redis-")));
    assert!(told.contains("write rediss://, rediss-cluster://"), "{told}");
}

#[test]
fn a_user_that_may_not_ask_for_the_slots_is_told_so() {
    let deployment = ClusterDeployment::start(1, 0);
    let node = &deployment.nodes[0];
    let _ =
        node.command(&["ACL", "SETUSER", "ann", "reset", "on", ">secret", "~*", "&*", "+@all", "-cluster"]);
    let url = format!("redis-cluster://ann:secret@127.0.0.1:{}", node.port());
    let told = refusal(config(&url));
    assert!(told.contains("NOPERM") && told.contains("cluster"), "{told}");
    let _ = node.command(&["ACL", "SETUSER", "ann", "+cluster|info", "+cluster|slots"]);
    run_one(&open_config(config(&url)));
}

#[test]
fn what_is_wrong_with_a_cluster_is_told_at_once() {
    let server = RedisServer::start();
    let deployment = ClusterDeployment::start(1, 0);
    let _ = deployment.nodes[0].command(&["CONFIG", "SET", "requirepass", "secret"]);
    let single = format!("redis-cluster://127.0.0.1:{}", server.port());
    let told = refusal(config(&single));
    assert!(told.contains("is not of a cluster; write redis://"), "{told}");
    let node = format!("127.0.0.1:{}", deployment.nodes[0].port());
    let told = refusal(config(&format!("redis://:secret@{node}/")));
    assert!(told.contains("is of a cluster; write redis-cluster://"), "{told}");
    let told = refusal(config(&format!("redis-cluster://{node}")));
    assert!(told.contains("NOAUTH") || told.contains("HELLO"), "{told}");
    run_one(&open_config(config(&format!("redis-cluster://:secret@{node}"))));
    let told = RedisTransport::new(config("redis-cluster://host/3")).expect_err("a database");
    assert_eq!(told.field, "redis_url");
}
