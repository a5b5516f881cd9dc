use std::fs;

use futures::executor::block_on;
use rhai_dispatcher::dispatcher::HandlerType;
use rhai_dispatcher::{RhaiDispatcherError, TaskErrorKind, WorkerId};
use serde_json::Value;

use crate::fixture::{drain, gate, numbers, on_each, start};

/// The field and the problem of an invalid value.
fn invalid<T: std::fmt::Debug>(result: Result<T, RhaiDispatcherError>) -> (&'static str, String) {
    match result {
        Err(RhaiDispatcherError::Invalid(invalid)) => {
            (invalid.field, format!("{}; {}", invalid.problem, invalid.hint))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn handlers_of_three_instances_are_listed_and_leave_with_them() {
    on_each(|store| {
        let (_open, gate) = gate();
        let mut workers: Vec<_> =
            (0..3).map(|_| store.worker("billing", numbers("numbers", &gate))).collect();
        let listed = store.until("three instances", |all| all.iter().any(|one| one.instances.len() == 3));
        let [numbers] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!((numbers.worker_id.as_str(), numbers.name.as_str()), ("billing", "numbers"));
        assert_eq!((numbers.description.as_str(), numbers.typ), ("Numbers.", HandlerType::Native));
        let methods: Vec<_> = numbers.methods.iter().map(|method| method.info.name.as_str()).collect();
        assert_eq!(methods, ["numbers.double", "numbers.wait"]);
        let double = &numbers.methods[0];
        assert_eq!((double.info.description.as_str(), double.instances.len()), ("Doubles a number.", 3));
        assert_eq!((numbers.figures.calls, numbers.figures.success_rate), (0, None));
        let instances = block_on(store.client.transport().instances(None)).unwrap();
        let text = instances[0].description.as_ref().unwrap().as_str();
        let described: Value = serde_json::from_str(text).unwrap();
        assert_eq!((&described["pid"], &described["threads"]), (&std::process::id().into(), &1.into()));
        assert!(instances.iter().all(|info| info.started_at.is_some()));

        drain(workers.pop());
        store.until("two instances", |all| all[0].instances.len() == 2);
        drain(workers);
        store.until("none", <[_]>::is_empty);
    });
}

#[test]
fn call_without_a_worker_id_finds_it() {
    on_each(|store| {
        let (_open, gate) = gate();
        let call = || block_on(store.client.call("numbers.double").params([21]).await_response());
        let (field, says) = invalid(call());
        assert_eq!(field, "worker_id");
        assert!(says.contains("no living worker has announced a method `numbers.double`"), "{says}");

        let worker = store.worker("billing", numbers("numbers", &gate));
        store.until("it is announced", |all| all.len() == 1);
        let details = call().unwrap();
        assert_eq!(details.worker_id.as_str(), "billing");
        assert_eq!(details.into_result::<i64>().unwrap(), 42);
        let script = store.client.new_play_request().script("1");
        assert_eq!(invalid(block_on(script.submit())).0, "worker_id");
        drain([worker]);
    });
}

#[test]
fn method_of_two_worker_ids_is_ambiguous() {
    on_each(|store| {
        let (_open, gate) = gate();
        let workers = ["one", "two"].map(|worker_id| store.worker(worker_id, numbers("numbers", &gate)));
        let listed = store.until("both", |all| all.len() == 2);
        let ids: Vec<_> = listed.iter().map(|handler| handler.worker_id.as_str()).collect();
        assert_eq!(ids, ["one", "two"], "each has an entry of its own");
        let call = || store.client.call("numbers.double").params([21]);
        let (field, says) = invalid(block_on(call().await_response()));
        assert_eq!(field, "worker_id");
        assert!(says.contains("`one`, `two` all have a method `numbers.double`"), "{says}");
        for id in ["one", "two"] {
            let details = block_on(call().worker_id(id).await_response()).unwrap();
            assert_eq!(details.worker_id.as_str(), id);
            assert_eq!(details.into_result::<i64>().unwrap(), 42);
            let worker_id = WorkerId::try_from(id).unwrap();
            let of_one = block_on(store.client.get_handler_of(&worker_id, "numbers")).unwrap();
            assert_eq!(of_one.worker_id, worker_id);
        }
        assert!(invalid(block_on(store.client.get_handler("numbers"))).1.contains("one, two"));
        assert_eq!(invalid(block_on(store.client.get_handler("nope"))).0, "name");
        drain(workers);
    });
}

#[test]
fn every_worker_answers_the_built_in_methods() {
    on_each(|store| {
        let (_open, gate) = gate();
        let workers = [start(store.builder("scripts")), store.worker("billing", numbers("numbers", &gate))];
        store.until("it is announced", |all| all.len() == 1);
        let answer = |method: &str, params: Value| -> Value {
            let request = store.client.call(method).worker_id("scripts").params(params);
            block_on(request.await_response()).unwrap().into_result().unwrap()
        };
        let listed = answer("handlers.list", Value::Null);
        assert_eq!(listed[0]["name"], "numbers", "{listed}");
        assert_eq!(listed[0]["methods"][0]["name"], "numbers.double");
        let one = answer("handlers.get", serde_json::json!({"name": "numbers", "workerId": "billing"}));
        assert_eq!((&one["workerId"], &one["figures"]["calls"]), (&"billing".into(), &0.into()));

        let id = block_on(store.client.call("numbers.double").params([21]).submit()).unwrap();
        block_on(store.client.wait(id, std::time::Duration::from_secs(60))).unwrap();
        let rpc = answer("handlers.rpc", serde_json::json!({"id": id.to_string()}));
        assert_eq!((&rpc["method"], &rpc["args"]), (&"numbers.double".into(), &serde_json::json!([21])));
        assert_eq!((&rpc["status"], &rpc["output"]), (&"completed".into(), &42.into()));

        // They are the same everywhere, so any worker id will do.
        let anywhere = block_on(store.client.call("handlers.list").await_response()).unwrap();
        assert_eq!(anywhere.into_result::<Value>().unwrap()[0]["name"], "numbers");
        let missing = store.client.call("handlers.get").worker_id("scripts").arg("name", "nope");
        let error = block_on(missing.await_response()).unwrap().error.unwrap();
        assert_eq!(error.kind, TaskErrorKind::BadParams, "{error:?}");
        drain(workers);
    });
}

#[test]
fn embedded_worker_answers_the_built_in_methods() {
    let client = rhai_dispatcher::RhaiDispatcher::builder().caller_id("test").url("memory:").build().unwrap();
    let listed = block_on(client.call("handlers.list").worker_id("worker-1").await_response()).unwrap();
    assert_eq!(listed.into_result::<Value>().unwrap(), Value::Array(Vec::new()));
}

#[test]
fn changes_of_a_folder_are_announced() {
    on_each(|store| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("api.rhai"), "//! An API.\nfn one() { 1 }").unwrap();
        let worker = start(store.builder("files").handlers_folder(folder.path()));
        let listed = store.until("one method", |all| all.len() == 1);
        assert_eq!((listed[0].typ, listed[0].file.as_deref()), (HandlerType::Script, Some("api.rhai")));
        fs::write(folder.path().join("other.rhai"), "fn two() { 2 }").unwrap();
        let listed = store.until("both files", |all| all.len() == 2);
        assert_eq!(listed[1].methods[0].info.name.as_str(), "other.two");
        let two = block_on(store.client.call("other.two").await_response()).unwrap();
        assert_eq!(two.into_result::<i64>().unwrap(), 2);
        drain([worker]);
    });
}
