#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::fs;

use serde_json::json;

use crate::metrics::Scrape;
use crate::serve::Serving;
use crate::site::Site;
use crate::supervision::{lives, signal};

#[test]
fn killed_worker_does_not_end_the_gateway_and_is_replaced() {
    let site = Site::new();
    let serving = Serving::start(&["--url", &site.redis.url()]);
    let call = |method: &str, params: serde_json::Value| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        serving.rpc(None, &request.to_string())
    };
    assert!(call("demo.add", json!([40, 2])).contains("42"));
    let child = child_of(&site, serving.pid(), None);
    signal(child, "KILL");
    site.until("the end of the child", || !lives(child));
    // The gateway answers without a worker.
    assert!(call("task.status", json!(["x"])).contains("-32602"));
    let next = child_of(&site, serving.pid(), Some(child));
    assert_ne!(child, next);
    // The call waits for the next worker.
    assert!(call("demo.add", json!([2, 3])).contains('5'));
    site.until("the restart in the figures", || {
        Scrape::of(&serving.address).value("rhaid_restarts_total") == 1.0
    });
    let ended = serving.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    site.until("the end of the worker", || !lives(next));
}

#[test]
fn worker_without_supervision_is_in_the_process_of_the_gateway() {
    let site = Site::new();
    let serving = Serving::start(&["--url", &site.redis.url(), "--no-supervise"]);
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "demo.add", "params": [40, 2] });
    assert!(serving.rpc(None, &request.to_string()).contains("42"));
    assert!(children_of(serving.pid()).is_empty());
    assert_eq!(serving.end().code, Some(0));
}

/// Waits until a process has a child other than `last`.
#[track_caller]
fn child_of(site: &Site, parent: u32, last: Option<u32>) -> u32 {
    let child = Cell::new(None);
    site.until("a child process", || {
        child.set(children_of(parent).first().copied().filter(|child| Some(*child) != last));
        child.get().is_some()
    });
    child.get().expect("a child")
}

/// The children that all threads of a process have started.
fn children_of(parent: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).expect("the parent lives");
    let children = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let children: Vec<String> = children.collect();
    children
        .iter()
        .flat_map(|children| children.split_whitespace())
        .filter_map(|pid| pid.parse().ok())
        .collect()
}
