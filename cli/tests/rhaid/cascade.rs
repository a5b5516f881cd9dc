#![cfg(unix)]

use crate::site::Site;

/// Sends work down a chain of workers, as deep as `args.depth` says; the last one waits for ever.
const CHAIN: &str = r#"
    if args.depth == 0 { sleep(3600) } else {
        let next = #{ script: args.script, args: #{ depth: args.depth - 1, script: args.script } };
        dispatch("worker-" + args.depth, next)
    }
"#;

#[test]
fn tasks_of_a_killed_caller_are_cancelled_across_processes() {
    let site = Site::new();
    let _workers = (site.worker_for("worker-1", &[]), site.worker_for("worker-2", &[]));
    let script = format!("script={CHAIN}");
    let args =
        ["call", "--worker", "worker-2", "--timeout", "15s", "--arg", "depth=2", "--arg", &script, "-"];
    let mut caller = site.command(&args).spawn().expect("rhaid runs");
    std::io::Write::write_all(&mut caller.stdin.take().expect("a pipe"), CHAIN.as_bytes()).expect("it reads");

    let id = site.claimed_by("worker-2");
    let child = site.child_of(&id);
    let grandchild = site.child_of(&child);
    site.running(&grandchild);
    caller.kill().expect("it runs");
    caller.wait().expect("it was killed");
    for id in [id, child, grandchild] {
        let record = site.record(&id, |record| record["status"] != "processing");
        assert_eq!(record["status"], "cancelled", "{record}");
    }
}

#[test]
fn a_cancel_reaches_the_tasks_below_across_processes() {
    let site = Site::new();
    let _workers = (site.worker_for("worker-1", &[]), site.worker_for("worker-2", &[]));
    let script = format!("script={CHAIN}");
    let id = site.submit(CHAIN, &["--arg", "depth=2", "--arg", &script]);
    let child = site.child_of(&id);
    let grandchild = site.child_of(&child);
    site.running(&grandchild);
    site.ok(&["cancel", &id]);
    for (id, reason) in [(id, "asked"), (child, "parent"), (grandchild, "parent")] {
        let record = site.record(&id, |record| record["status"] != "processing");
        assert_eq!(
            (&record["status"], &record["cancelReason"]),
            (&"cancelled".into(), &reason.into()),
            "{record}"
        );
    }
}

impl Site {
    /// Waits until a task has one child, and returns the child's id.
    fn child_of(&self, id: &str) -> String {
        let record =
            self.record(id, |record| record["children"].as_array().is_some_and(|ids| ids.len() == 1));
        record["children"][0].as_str().expect("an id").to_owned()
    }

    /// The task that runs on that worker id and that no other has dispatched, once there is one.
    fn claimed_by(&self, worker_id: &str) -> String {
        let held = format!("{{rhailib:{worker_id}}}:held:*");
        let mut id = None;
        self.until("a task is there", || {
            let instances = self.redis.command(&["KEYS", &held]);
            let Some(key) = instances.lines().find(|line| line.starts_with("{rhailib:")) else {
                return false;
            };
            let answer = self.redis.command(&["HKEYS", key]);
            let mut ids = answer.lines().filter(|line| line.len() == 36);
            let is_root = |id: &&str| {
                self.redis.command(&["HEXISTS", &format!("rhailib:{id}"), "parent"]).starts_with(":0")
            };
            id = ids.find(is_root).map(str::to_owned);
            id.is_some()
        });
        id.expect("it is there")
    }
}
