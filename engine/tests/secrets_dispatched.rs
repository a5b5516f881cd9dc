//! A script can't send a secret to another worker: that one sees `[secret]`, or nothing.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::executor::block_on;
use rhai_dispatcher_core::{
    Payload, RunningWorker, Task, TaskDetails, TaskId, TaskStatus, Transport, Worker, WorkerConfig, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler, Secret};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};

const SECRET: &str = "sk_live_51xyzzy";
/// No part of it may be seen either.
const PART: &str = "xyzzy";

/// What a script with the secret `KEY` sends to `spy`, and what it is answered there.
const SENT: &[(&str, &str)] = &[
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: KEY}})", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `args.k.to_debug()`, args: #{k: KEY}})", r#""\"[secret]\"""#),
    ("dispatch(`spy`, #{script: `args.k.len()`, args: #{k: KEY}})", "8"),
    (
        "dispatch(`spy`, #{script: `args`, args: #{k: [1, [KEY], #{l: KEY}]}})",
        r#"{"k":[1,["[secret]"],{"l":"[secret]"}]}"#,
    ),
    ("let k = KEY; dispatch(`spy`, #{script: `args.k`, args: #{k: k}})", r#""[secret]""#),
    ("let m = #{}; m.k = KEY; dispatch(`spy`, #{script: `args.k`, args: m})", r#""[secret]""#),
    (
        "let k = KEY; let f = || k; dispatch(`spy`, #{script: `args.k`, args: #{k: f.call(), l: k}})",
        r#""[secret]""#,
    ),
    ("fn f() { #{script: `args.k`, args: #{k: KEY}} } dispatch(`spy`, f())", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: KEY.to_string()}})", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: `${KEY}`}})", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: [KEY].to_string()}})", r#""[[secret]]""#),
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: #{l: KEY}.to_json()}})", r#""{\"l\":\"[secret]\"}""#),
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: `` + KEY + ``}})", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: [KEY].map(|k| k + ``)}})", r#"["[secret]"]"#),
    ("dispatch(`spy`, #{script: `args.k`, args: #{k: eval(`KEY`)}})", r#""[secret]""#),
    ("dispatch(`spy`, `\"${KEY}\"`)", r#""[secret]""#),
    ("dispatch(`spy`, `\"` + KEY + `\"`)", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `print(\"${KEY}\"); \"${[KEY]}\"`})", r#""[[secret]]""#),
    ("await_result(dispatch_async(`spy`, #{script: `args.k`, args: #{k: KEY}}))", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `context_id`, context_id: KEY})", r#""[secret]""#),
    ("dispatch(`spy`, #{script: `1`, request_id: KEY})", "1"),
    (
        "let s = `throw \"${KEY}\"`; let m = ``; try { dispatch(`spy`, s) } catch (e) { m = e.message.contains(`[secret]`) && e.value == `[secret]` } m",
        "true",
    ),
    // The names of one worker mean nothing to another.
    ("dispatch(`spy`, `OTHER`)", r#""[secret]""#),
];

/// What is refused, or ends in an error there.
const REFUSED: &[&str] = &[
    "dispatch(`spy`, KEY)",
    "dispatch(KEY, `1`)",
    "dispatch(`${KEY}`, `1`)",
    "dispatch(`spy`, `KEY`)",
    "dispatch(`spy`, #{script: KEY})",
    "dispatch(`spy`, [KEY])",
    "dispatch(`spy`, || KEY)",
    "dispatch(`spy`, #{script: `1`, args: KEY})",
    "dispatch(`spy`, #{script: `1`, args: [KEY]})",
    "dispatch(`spy`, #{script: `args.f.call()`, args: #{f: || KEY}})",
    "let k = KEY; dispatch(`spy`, #{script: `args.f.call()`, args: #{f: || k}})",
    "dispatch(`spy`, #{script: `args.f.call()`, args: #{f: Fn(`f`).curry(KEY)}})",
    "dispatch(`spy`, #{script: `1`, priority: KEY})",
    "dispatch(`spy`, #{script: `1`, retries: KEY})",
    "dispatch(`spy`, #{script: `1`, timeout: KEY})",
    "dispatch(`spy`, #{script: `1`, delay: KEY})",
    "dispatch(`spy`, #{script: `1`, limits: KEY})",
    "dispatch(`spy`, #{script: `1`, limits: #{max_operations: KEY}})",
    "dispatch(`spy`, #{script: `1`, other: KEY})",
    "let m = #{}; m[KEY] = 1; dispatch(`spy`, #{script: `args`, args: m})",
    "dispatch(`spy`, `throw \"${KEY}\"`)",
    "await_result(dispatch_async(`spy`, KEY))",
];

struct Stage {
    transport: Arc<dyn Transport>,
    _workers: [RunningWorker; 2],
}

impl Stage {
    /// A worker `own` whose scripts have the secret, and one `spy` whose scripts have another.
    fn new() -> Self {
        let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
        let start = |id: &str, name: &str, secret: &str| {
            let config = EngineConfig::new()
                .with_allow_eval(true)
                .with_dispatch(Arc::clone(&transport))
                .with_secret(name, Secret::new(secret));
            let one_lane = WorkerConfig::default().with_lanes(NonZeroUsize::MIN);
            let worker = Worker::new(Arc::clone(&transport), worker_id(id)).with_config(one_lane);
            block_on(worker.start(move || RhaiHandler::new(&config))).unwrap()
        };
        let workers = [start("own", "KEY", SECRET), start("spy", "OTHER", "another")];
        Self { transport, _workers: workers }
    }

    /// Runs a script where the secret is. Its record, and those of all that it dispatched.
    fn run(&self, script: &str) -> Vec<TaskDetails> {
        let task = Task::new(worker_id("own"), Payload::script(script), "caller-1");
        let id = task.id;
        block_on(self.transport.submit(vec![task.into()])).unwrap().remove(0).unwrap();
        let own = self.ended(id);
        let children: Vec<_> = own.children.iter().map(|id| self.ended(*id)).collect();
        [own].into_iter().chain(children).collect()
    }

    fn ended(&self, id: TaskId) -> TaskDetails {
        *block_on(self.transport.outcome(id)).unwrap()
    }
}

fn worker_id(id: &str) -> WorkerId {
    WorkerId::try_from(id).unwrap()
}

/// Nothing of a record tells the secret, of what was submitted or of what came of it.
fn assert_tells_nothing(script: &str, records: &[TaskDetails]) {
    for record in records {
        let said = format!("{record:?} {}", serde_json::to_string(record).unwrap());
        assert!(!said.contains(SECRET) && !said.contains(PART), "{script}: {said}");
    }
}

#[test]
fn another_worker_sees_the_word_secret() {
    let stage = Stage::new();
    for (script, expected) in SENT {
        let records = stage.run(script);
        assert_tells_nothing(script, &records);
        let [own, child] = &*records else { panic!("{script}: {records:?}") };
        let output = own.output.as_ref().unwrap_or_else(|| panic!("{script}: {own:?}"));
        assert_eq!(output.as_json().as_str(), *expected, "{script}");
        assert_eq!(child.worker_id, worker_id("spy"));
    }
}

#[test]
fn what_is_refused_tells_nothing_either() {
    let stage = Stage::new();
    for script in REFUSED {
        let records = stage.run(script);
        assert_tells_nothing(script, &records);
        assert_eq!(records[0].status, TaskStatus::Error, "{script}: {:?}", records[0]);
    }
}
