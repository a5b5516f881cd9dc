//! Tasks of the list protocol while workers are killed: each has one outcome and one reply.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis::{Commands, Connection};
use serde_json::Value;

use crate::site::Site;

/// Number of tasks if `RHAID_LIST_TASKS` does not say so. 100 are pushed before each kill, and 300 with that variable.
const TASKS: usize = 300;

/// How soon after the last kill each task has its reply.
const PROMPT: Duration = Duration::from_secs(30);

#[test]
#[expect(clippy::print_stderr, reason = "with --nocapture it tells the time that it has measured")]
fn each_pushed_task_has_one_reply_while_workers_are_killed() {
    let asked = std::env::var("RHAID_LIST_TASKS").ok();
    let tasks = asked.as_ref().map_or(TASKS, |tasks| tasks.parse().expect("a number"));
    let at_once = if asked.is_some() { 300 } else { 100 };
    let site = Site::new();
    let ids: Vec<_> = (0..tasks).map(|number| format!("task-{number}")).collect();
    let mut workers: Vec<_> = (0..3).map(|_| site.worker(&[])).collect();

    let is_over = Arc::new(AtomicBool::new(false));
    let popping = {
        let (mut redis, ids, is_over) = (connect(&site), ids.clone(), Arc::clone(&is_over));
        thread::spawn(move || pop_all(&mut redis, &ids, &is_over))
    };
    for (kill, ids) in ids.chunks(at_once).enumerate() {
        let start = Instant::now();
        push(&site, ids);
        thread::sleep(Duration::from_secs(1).saturating_sub(start.elapsed()));
        // SIGKILL.
        drop(workers.remove(kill % workers.len()));
        workers.push(site.worker(&[]));
    }
    let last_kill = Instant::now();
    let mut redis = connect(&site);
    let answered = |redis: &mut Connection| count_of(redis, &ids, "completed");
    while answered(&mut redis) < tasks {
        let left = tasks - answered(&mut redis);
        assert!(last_kill.elapsed() < PROMPT, "{left} of {tasks} tasks have no outcome");
        thread::sleep(Duration::from_millis(50));
    }
    let took = last_kill.elapsed();
    // Twice: an id may be on its way from one list to another.
    site.until("no bridge holds an id", || held(&mut redis) == 0 && held(&mut redis) == 0);
    is_over.store(true, Ordering::SeqCst);
    let replies = popping.join().expect("no panic");
    eprintln!("{tasks} tasks: all had their outcome {took:.1?} after the last kill");

    for (number, id) in ids.iter().enumerate() {
        let replies = replies.get(id).map_or(&[][..], Vec::as_slice);
        assert_eq!(replies.len(), 1, "{id}: {replies:?}");
        let reply: Value = serde_json::from_str(&replies[0]).expect("JSON");
        assert_eq!(
            (&reply["status"], &reply["output"]),
            (&"completed".into(), &number.to_string().into()),
            "{reply}"
        );
    }
    // Each was one task of the dispatcher.
    let finished: usize = redis.hget("{rhailib:worker-1}:finished:total", "records").expect("an answer");
    assert_eq!(finished, tasks);
}

fn connect(site: &Site) -> Connection {
    redis::Client::open(site.url()).expect("a URL").get_connection().expect("a connection")
}

/// Pushes tasks with `redis-cli --pipe`.
fn push(site: &Site, ids: &[String]) {
    let mut text = String::new();
    let mut command = |words: &[&str]| {
        text.push_str(&format!("*{}\r\n", words.len()));
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
    };
    for id in ids {
        let number = id.trim_start_matches("task-");
        let script = format!("sleep(0.{}); {number}", number.len() * 2);
        command(&["HSET", &format!("rhailib:{id}"), "script", &script, "callerId", "test"]);
        command(&["LPUSH", "rhailib:worker-1", id]);
    }
    let mut cli = Command::new("redis-cli");
    cli.args(["-u", site.url(), "--pipe"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut cli = cli.spawn().expect("redis-cli; the test needs it");
    cli.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    assert!(cli.wait().expect("it ends").success());
}

/// Pops replies as clients do, until it is over, and then what is left. All replies of each id.
fn pop_all(redis: &mut Connection, ids: &[String], is_over: &AtomicBool) -> HashMap<String, Vec<String>> {
    let mut replies: HashMap<String, Vec<String>> = HashMap::new();
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        for ids in ids.chunks(500) {
            let mut pipe = redis::pipe();
            for id in ids {
                pipe.lpop(format!("rhailib:reply:{id}"), None);
            }
            let popped: Vec<Option<String>> = pipe.query(redis).expect("answers");
            for (id, reply) in ids.iter().zip(popped) {
                replies.entry(id.clone()).or_default().extend(reply);
            }
        }
        if is_last {
            return replies;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// How many of the hashes have that status.
fn count_of(redis: &mut Connection, ids: &[String], status: &str) -> usize {
    let mut count = 0;
    for ids in ids.chunks(500) {
        let mut pipe = redis::pipe();
        for id in ids {
            pipe.hget(format!("rhailib:{id}"), "status");
        }
        let statuses: Vec<Option<String>> = pipe.query(redis).expect("answers");
        count += statuses.iter().filter(|known| known.as_deref() == Some(status)).count();
    }
    count
}

/// How many ids bridges hold, or are to take.
fn held(redis: &mut Connection) -> usize {
    let mut lists: Vec<String> = redis.keys("{rhailib:worker-1}:bridge:*").expect("an answer");
    lists.push("rhailib:worker-1".to_owned());
    lists.iter().map(|list| redis.llen::<_, usize>(list).expect("an answer")).sum()
}
