//! A master that Sentinels name: failovers, and what goes wrong with them.

mod support;

use std::time::Duration;

use rhai_dispatcher_core::TransportConfig;
use rhai_dispatcher_redis::{Durability, RedisConfig};
use rhai_dispatcher_test_redis::{Certificates, RedisServer, SentinelDeployment, Validity};
use support::load::{Tally, expect_records, load_across};
use support::{open_config, refusal, run_one, until};

/// Time enough for a failover and a slow machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

fn config(url: &str) -> RedisConfig {
    let transport = TransportConfig::default().with_lease(Duration::from_secs(6));
    let config = RedisConfig::new(url).with_call_timeout(CALL_TIMEOUT).with_transport(transport);
    // Renewals are not to wait for the checks of waits, nor these for a failover.
    config.with_recheck_interval(Duration::from_secs(5))
}

/// Tasks are submitted and run while the master changes; afterwards tasks run at the new one. Returns what became of them.
fn load_across_failover(
    deployment: &mut SentinelDeployment,
    durability: Durability,
    fail_over: impl FnOnce(&mut SentinelDeployment),
) -> Tally {
    let config = config(&deployment.url()).with_durability(durability);
    load_across(&config, || {
        fail_over(deployment);
        deployment.wait_for_master(1);
        until("the clients are at the new master", || {
            deployment.servers[1].command(&["INFO", "commandstats"]).contains("cmdstat_subscribe")
        });
    })
}

#[test]
fn no_confirmed_task_is_lost_when_the_master_dies() {
    let mut deployment = SentinelDeployment::start();
    let durability = Durability::Replicas { replicas: 1, timeout: Duration::from_millis(500) };
    let tally = load_across_failover(&mut deployment, durability, |deployment| {
        deployment.servers[0].kill();
        deployment.wait_for_master(1);
        // It comes back empty, and becomes the replica without which no write is confirmed.
        deployment.servers[0].restart();
        deployment.wait_for_replica(0);
    });
    assert_eq!(tally.lost, 0, "{} completed", tally.completed.len());
    expect_records(&config(&deployment.url()), &tally);
}

#[test]
fn clients_move_to_the_new_master_when_the_old_one_dies() {
    let mut deployment = SentinelDeployment::start();
    let tally =
        load_across_failover(&mut deployment, Durability::Server, |deployment| deployment.servers[0].kill());
    // What the master had acknowledged and not replicated: at most what each submitter had under way.
    assert!(tally.lost <= 4, "{tally:?}");
}

#[test]
fn clients_follow_a_failover_that_was_asked_for() {
    let mut deployment = SentinelDeployment::start();
    let tally = load_across_failover(&mut deployment, Durability::Server, |deployment| {
        until("the failover begins", || {
            let answer =
                deployment.sentinels[0].command(&["SENTINEL", "FAILOVER", SentinelDeployment::MASTER]);
            answer.contains("OK") || answer.contains("INPROG")
        });
    });
    assert!(tally.lost <= 4, "{tally:?}");
}

/// Names another server as the master, and lets the old one be.
fn rename_master(deployment: &SentinelDeployment, server: usize) {
    let port = deployment.servers[server].port().to_string();
    for sentinel in &deployment.sentinels {
        let _ = sentinel.command(&["SENTINEL", "REMOVE", SentinelDeployment::MASTER]);
        let _ =
            sentinel.command(&["SENTINEL", "MONITOR", SentinelDeployment::MASTER, "127.0.0.1", &port, "2"]);
    }
}

/// How many connections a server has, beside those of Sentinels, of its replica or master, and this one.
fn clients(server: &RedisServer) -> usize {
    let list = server.command(&["CLIENT", "LIST"]);
    let others = ["name=sentinel", "flags=S", "flags=M", "cmd=client"];
    list.lines()
        .filter(|line| line.contains("addr=") && !others.iter().any(|other| line.contains(other)))
        .count()
}

#[test]
fn a_replica_that_keeps_its_sockets_open_is_left() {
    let deployment = SentinelDeployment::start();
    let [old, new] = &deployment.servers;
    let transport = open_config(config(&deployment.url()));
    run_one(&transport);
    let _ = new.command(&["REPLICAOF", "NO", "ONE"]);
    rename_master(&deployment, 1);
    let _ = old.command(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    run_one(&transport);
    assert!(clients(new) > 0, "it is at the new one");
}

/// Of a master that was cut off from the Sentinels and not from its clients they hear nothing.
#[test]
fn a_master_that_sentinels_have_replaced_is_left_though_it_serves() {
    let deployment = SentinelDeployment::start();
    let transport = open_config(config(&deployment.url()));
    run_one(&transport);
    let _ = deployment.servers[1].command(&["REPLICAOF", "NO", "ONE"]);
    rename_master(&deployment, 1);
    until("its clients are gone", || clients(&deployment.servers[0]) == 0);
    run_one(&transport);
    assert!(clients(&deployment.servers[1]) > 0);
}

#[test]
fn one_sentinel_of_several_is_enough() {
    let mut deployment = SentinelDeployment::start();
    let url = deployment.url();
    for sentinel in &mut deployment.sentinels[..2] {
        sentinel.kill();
    }
    run_one(&open_config(config(&url)));
}

#[test]
fn what_is_wrong_with_sentinels_is_told_at_once() {
    let server = RedisServer::start();
    let sentinel = RedisServer::sentinel("tasks", server.port(), &["--requirepass", "secret"]);
    let address = format!("127.0.0.1:{}", sentinel.port());
    let at = |address: &str, master: &str| config(&format!("redis-sentinel://{address}/{master}"));
    let told = refusal(at(&address, "tasks"));
    assert!(told.contains("NOAUTH") && told.contains("set sentinel_password"), "{told}");
    let told = refusal(at(&address, "tasks").with_sentinel_password("other"));
    assert!(told.contains("WRONGPASS") && told.contains("set sentinel_password"), "{told}");
    run_one(&open_config(at(&address, "tasks").with_sentinel_password("secret")));
    let told = refusal(at(&address, "taks").with_sentinel_password("secret"));
    assert!(told.contains("knows no master \"taks\""), "{told}");
    let told = refusal(at(&format!("127.0.0.1:{}", server.port()), "tasks"));
    assert!(told.contains("is not a Sentinel; write redis://"), "{told}");
    let told = refusal(config(&format!("redis://:secret@{address}/")));
    assert!(told.contains("is a Sentinel; write redis-sentinel://"), "{told}");
    let tls = format!("rediss-sentinel://{address}/tasks");
    let certificates = Certificates::new();
    let told = refusal(config(&tls).with_tls_ca(certificates.ca()));
    assert!(told.contains("without TLS"), "{told}");
}

#[test]
fn sentinels_and_their_master_use_tls() {
    let certificates = Certificates::new();
    certificates.sign("server", "IP:127.0.0.1", Validity::Now);
    let server = || RedisServer::with_tls(&certificates, "server", &[]);
    let mut deployment = SentinelDeployment::of([server(), server()], |master| {
        RedisServer::sentinel_with_tls(&certificates, "server", SentinelDeployment::MASTER, master)
    });
    let transport = open_config(config(&deployment.url()).with_tls_ca(certificates.ca()));
    run_one(&transport);
    deployment.servers[0].kill();
    run_one(&transport);
    let told = refusal(config(&deployment.url()).with_tls_ca(Certificates::new().ca()));
    assert!(told.contains("not of an authority that is trusted"), "{told}");
    let told = refusal(config(&deployment.url().replace("rediss-", "redis-")));
    assert!(told.contains("write rediss://"), "{told}");
}
