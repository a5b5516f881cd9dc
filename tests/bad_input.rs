//! Each bad value is refused with the name of its field, before anything is queued.

#![allow(clippy::unwrap_used, reason = "a case that fails does so by panicking")]

use std::time::Duration;

use futures::executor::block_on;
use rhai_dispatcher::task::Limits;
use rhai_dispatcher::{
    PlayRequestBuilder, RhaiDispatcher, RhaiDispatcherBuilder, RhaiDispatcherError, RhaiWorker,
    TaskErrorKind, TaskStatus,
};

fn client() -> RhaiDispatcher {
    RhaiDispatcherBuilder::new().caller_id("caller-1").url("memory:").build().unwrap()
}

/// The field that `request` is refused for; nothing may have been queued.
fn refused_field(client: &RhaiDispatcher, request: PlayRequestBuilder) -> &'static str {
    let submitted = block_on(request.clone().submit());
    let awaited = block_on(request.clone().await_response());
    let many = block_on(client.submit_many(vec![request]));
    let Err(RhaiDispatcherError::Invalid(invalid)) = submitted else { panic!("{submitted:?}") };
    assert!(
        matches!(awaited, Err(RhaiDispatcherError::Invalid(ref other)) if *other == invalid),
        "{awaited:?}"
    );
    assert!(matches!(many, Err(RhaiDispatcherError::Invalid(ref other)) if *other == invalid), "{many:?}");
    assert!(!invalid.problem.is_empty() && !invalid.hint.is_empty(), "{invalid}");
    assert!(block_on(client.transport().queues()).unwrap().iter().all(|queue| queue.waiting() == 0));
    invalid.field
}

#[cfg(feature = "redis")]
#[test]
fn a_server_that_is_not_there_is_named_also_when_the_timeout_is_short() {
    // A port that was free a moment ago has no listener.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://127.0.0.1:{port}/");
    let client = RhaiDispatcherBuilder::new().caller_id("caller-1").url(url).build().unwrap();
    let request = client.new_play_request().worker_id("worker-1").script("1").timeout(Duration::from_secs(1));
    let error = block_on(request.await_response()).unwrap_err();
    assert!(matches!(error, RhaiDispatcherError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[test]
fn bad_worker_ids_are_refused() {
    let client = client();
    let long = "w".repeat(129);
    for bad in ["", "a b", "reply", "8c1b7f0e-52a4-4c1d-9a37-0f2d6a1e4b90", &long] {
        let request = client.new_play_request().worker_id(bad).script("1");
        assert_eq!(refused_field(&client, request), "worker_id", "{bad:?}");
    }
    assert_eq!(refused_field(&client, client.new_play_request().script("1")), "worker_id");
    assert!(RhaiWorker::builder("a b").url("memory:x").build().is_err());
}

#[test]
fn script_is_given_once_and_can_be_read() {
    let client = client();
    let request = || client.new_play_request().worker_id("worker-1");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("good.rhai"), "40 + 2").unwrap();
    std::fs::write(path("long.rhai"), " ".repeat(256 * 1024 + 1)).unwrap();
    std::fs::write(path("latin1.rhai"), b"\"\xe4\"").unwrap();

    assert_eq!(refused_field(&client, request()), "script");
    assert_eq!(refused_field(&client, request().script("1").script_path(path("good.rhai"))), "script");
    assert_eq!(refused_field(&client, request().script(" ".repeat(256 * 1024 + 1))), "script");
    for bad in ["missing.rhai", "long.rhai", "latin1.rhai", "."] {
        assert_eq!(refused_field(&client, request().script_path(path(bad))), "script_path", "{bad}");
    }
    // What may take for ever to read.
    #[cfg(unix)]
    assert_eq!(refused_field(&client, request().script_path("/dev/zero")), "script_path");
    let good = block_on(request().script_path(path("good.rhai")).await_response()).unwrap();
    assert_eq!(good.script_name.as_deref(), path("good.rhai").to_str());
    assert_eq!(good.into_result::<u64>().unwrap(), 42);
}

#[test]
fn a_byte_order_mark_and_a_shebang_are_no_part_of_a_script_wherever_it_comes_from() {
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("marked.rhai");
    for text in
        ["\u{feff}40 + 2", "#!/usr/bin/env rhaid\n40 + 2", "\u{feff}#!rhaid\r\n40 + 2", "\u{feff}// x\n42"]
    {
        std::fs::write(&path, text).unwrap();
        let request = || client.new_play_request().worker_id("worker-1");
        for request in [request().script_path(&path), request().script(text)] {
            let details = block_on(request.await_response()).unwrap();
            assert_eq!(details.into_result::<u64>().unwrap(), 42, "{text:?}");
        }
    }
    // Lines and columns are those of the file.
    let request = client.new_play_request().worker_id("worker-1").script("\u{feff}#!x\n  nope");
    let error = block_on(request.await_response()).unwrap().error.unwrap();
    assert_eq!((error.line, error.column), (Some(2), Some(3)));
    // Only where the script begins.
    let request = client.new_play_request().worker_id("worker-1").script("1;\n#!x");
    assert!(matches!(block_on(request.submit()), Err(RhaiDispatcherError::Script(_))));
}

#[test]
fn script_path_is_read_when_the_request_is_submitted() {
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later.rhai");
    let request = client.new_play_request().worker_id("worker-1").script_path(&path);
    std::fs::write(&path, "7").unwrap();
    assert_eq!(block_on(request.await_response()).unwrap().into_result::<u64>().unwrap(), 7);
}

#[test]
fn times_of_nothing_are_refused() {
    let client = client();
    let request = || client.new_play_request().worker_id("worker-1").script("1");
    assert_eq!(refused_field(&client, request().timeout(Duration::ZERO)), "timeout");
    assert_eq!(refused_field(&client, request().expires_in(Duration::ZERO)), "expires_in");
    assert_eq!(refused_field(&client, request().backoff(Duration::ZERO, Duration::ZERO)), "backoff");
}

#[test]
fn limits_of_nothing_are_refused() {
    let client = client();
    let request = || client.new_play_request().worker_id("worker-1").script("1");
    let limits = Limits::default().with_max_variables(1);
    assert_eq!(
        refused_field(&client, request().limits(limits.clone().with_max_operations(0))),
        "max_operations"
    );
    assert_eq!(
        refused_field(&client, request().limits(limits.with_max_wall_time(Duration::ZERO))),
        "max_wall_time"
    );
}

#[test]
fn args_and_labels_are_checked() {
    let client = client();
    let request = || client.new_play_request().worker_id("worker-1").script("1");
    assert_eq!(refused_field(&client, request().args(5)), "args");
    assert_eq!(
        refused_field(&client, request().arg("map", std::collections::HashMap::from([((1, 2), 3)]))),
        "args"
    );
    assert_eq!(refused_field(&client, request().arg("big", "x".repeat(1024 * 1024))), "args");
    assert_eq!(refused_field(&client, request().context_id("")), "context_id");
    assert_eq!(refused_field(&client, request().request_id("x".repeat(257))), "request_id");
}

#[test]
fn numbers_that_scripts_do_not_have_are_refused() {
    let client = client();
    let request = || client.new_play_request().worker_id("worker-1").script("args.n");
    assert_eq!(refused_field(&client, request().arg("n", u64::MAX)), "args");
    assert_eq!(refused_field(&client, request().arg("n", [i128::MAX])), "args");
    assert_eq!(refused_field(&client, request().args(serde_json::json!({ "n": 1_u64 << 63 }))), "args");
    assert_eq!(refused_field(&client, request().arg("n", f64::NAN)), "args");
    let largest = block_on(request().arg("n", i64::MAX).await_response()).unwrap();
    assert_eq!(largest.into_result::<i64>().unwrap(), i64::MAX);
}

#[test]
fn settings_are_refused_where_they_have_no_effect() {
    let invalid = |builder: RhaiDispatcherBuilder| match builder.build() {
        Err(RhaiDispatcherError::Invalid(invalid)) => invalid.field,
        other => panic!("{other:?}"),
    };
    let builder = || RhaiDispatcherBuilder::new().caller_id("a");
    #[cfg(feature = "redis")]
    assert_eq!(
        invalid(builder().url("memory:x").lease(Duration::from_secs(9)).call_timeout(Duration::from_secs(1))),
        "call_timeout"
    );
    assert_eq!(invalid(builder().url("memory:").default_timeout(Duration::ZERO)), "default_timeout");
    assert_eq!(invalid(builder().url("memory:").max_blocking_threads(0)), "max_blocking_threads");
    let made = client();
    let beside = builder().transport(made.transport().clone()).queue_limit(1);
    assert_eq!(invalid(beside), "queue_limit");
}

#[test]
fn first_bad_value_is_the_one_that_is_reported() {
    let client = client();
    let request = client.new_play_request().worker_id("").timeout(Duration::ZERO).context_id("");
    assert_eq!(refused_field(&client, request), "worker_id");
}

#[test]
fn builder_says_what_is_missing() {
    let invalid = |builder: RhaiDispatcherBuilder| match builder.build() {
        Err(RhaiDispatcherError::Invalid(invalid)) => invalid.field,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid(RhaiDispatcherBuilder::new()), "caller_id");
    assert_eq!(invalid(RhaiDispatcherBuilder::new().caller_id("")), "caller_id");
    assert_eq!(invalid(RhaiDispatcherBuilder::new().caller_id("a\nb")), "caller_id");
    assert_eq!(invalid(RhaiDispatcherBuilder::new().caller_id("a")), "url");
    assert_eq!(invalid(RhaiDispatcherBuilder::new().caller_id("a").url("nonsense")), "url");
    assert_eq!(invalid(RhaiDispatcherBuilder::new().caller_id("a").url("memory:a b")), "url");
    let other = RhaiDispatcherBuilder::new().caller_id("a").url("amqp://localhost").build();
    assert!(
        matches!(other, Err(RhaiDispatcherError::Unsupported { ref scheme, .. }) if scheme == "amqp"),
        "{other:?}"
    );
    assert!(RhaiWorker::builder("worker-1").build().is_err());
    assert!(RhaiWorker::builder("worker-1").url("memory:").build().is_err());
    assert!(RhaiWorker::builder("worker-1").url("memory:x").threads(0).build().is_err());
}

#[test]
fn output_without_a_json_form_is_an_error_of_its_own() {
    let client = client();
    for script in ["|x| x", "timestamp()", "0.0 / 0.0", "[1, |x| x]", "#{ a: timestamp() }"] {
        let details =
            block_on(client.new_play_request().worker_id("worker-1").script(script).await_response())
                .unwrap();
        assert_eq!(details.status, TaskStatus::Error, "{script}");
        assert_eq!(details.error.unwrap().kind, TaskErrorKind::Output, "{script}");
    }
}
