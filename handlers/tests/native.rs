//! Methods that are Rust functions, called through a worker.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{self, BoxFuture, FutureExt, Shared};
use rhai_dispatcher_core::{Json, TaskError, TaskErrorKind};
use rhai_dispatcher_engine::EngineConfig;
use rhai_dispatcher_handlers::{HandlerType, Handlers, MethodCall, MethodHandler};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use support::{Bench, until};

/// Adds two numbers.
#[derive(Deserialize, JsonSchema)]
struct Add {
    /// The first.
    a: i64,
    b: i64,
}

fn math() -> MethodHandler {
    MethodHandler::new("math")
        .with_description("Arithmetic.")
        .with_method("add", |params: Add| async move {
            params.a.checked_add(params.b).ok_or("the sum is beyond 64 bits")
        })
        .with_method("half", |(n,): (i64,)| async move {
            let error = TaskError::new(TaskErrorKind::Runtime, "it is odd").with_value(Json::of(&n).ok());
            if n % 2 == 0 { Ok(n / 2) } else { Err(error) }
        })
        .with_method("panic", || async { if true { panic!("on purpose") } else { Ok::<(), String>(()) } })
        .with_method("who", |call: MethodCall, (): ()| async move {
            Ok::<_, String>((call.task.caller_id.to_string(), call.method, call.delivery))
        })
        .with_method_description("half", "Half of an even number.")
}

fn handlers(all: impl IntoIterator<Item = MethodHandler>) -> Handlers {
    Handlers::new(all, None).expect("good handlers")
}

#[test]
fn methods_are_called_by_name_and_by_position() {
    let bench = Bench::new(handlers([math()]));
    assert_eq!(bench.value("math.add", json!({"a": 40, "b": 2})), "42");
    assert_eq!(bench.value("math.add", json!([40, 2])), "42");
    assert_eq!(bench.value("math.half", json!([42])), "21");
    assert_eq!(bench.value("math.who", json!(null)), r#"["caller-1","math.who",1]"#);
    let script = bench.dispatcher.new_play_request().worker_id("worker-1").script("40 + 2");
    let details = block_on(async { script.await }).expect("scripts run as before");
    assert_eq!(details.into_result::<i64>().expect("a number"), 42);
}

#[test]
fn errors_of_calls_are_told_apart() {
    let bench = Bench::new(handlers([math()]));
    let unknown = bench.error("math.ad", json!([1, 2]));
    assert_eq!(unknown.kind, TaskErrorKind::UnknownMethod);
    assert_eq!(unknown.message, "worker `worker-1` has no method `math.ad`; did you mean `math.add`?");
    let bad = bench.error("math.add", json!({"a": 1, "b": "2"}));
    assert_eq!(bad.kind, TaskErrorKind::BadParams);
    assert_eq!(bad.message, "`b`: invalid type: string \"2\", expected i64");
    let failed = bench.error("math.add", json!([i64::MAX, 1]));
    assert_eq!((failed.kind, &*failed.message), (TaskErrorKind::Runtime, "the sum is beyond 64 bits"));
    let data = bench.error("math.half", json!([3]));
    assert_eq!((data.kind, data.value), (TaskErrorKind::Runtime, Json::parse("3").ok()));
    let panicked = bench.error("math.panic", json!(null));
    assert_eq!(
        (panicked.kind, &*panicked.message),
        (TaskErrorKind::Panic, "the method panicked: on purpose")
    );
    assert_eq!(bench.value("math.add", json!([40, 2])), "42", "the worker lives on");
}

#[test]
fn a_call_that_no_worker_can_run_is_an_unknown_method() {
    let bench = Bench::new(Handlers::default());
    assert_eq!(bench.error("math.add", json!([1, 2])).kind, TaskErrorKind::UnknownMethod);
}

#[test]
fn a_call_ends_at_its_timeout_and_is_dropped() {
    /// Tells when it is dropped.
    struct Dropped(Option<oneshot::Sender<()>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.take().map(|sender| sender.send(()));
        }
    }
    let (sender, receiver) = oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let handler = MethodHandler::new("slow").with_method("wait", move || {
        let dropped = Dropped(sender.lock().expect("no panic").take());
        async move {
            future::pending::<()>().await;
            drop(dropped);
            Ok::<_, String>(())
        }
    });
    let engine = EngineConfig::new().with_max_wall_time(std::time::Duration::from_millis(20));
    let bench = Bench::with(engine, handlers([handler]));
    let late = bench.error("slow.wait", json!(null));
    assert_eq!(late.kind, TaskErrorKind::Timeout, "{late}");
    assert!(block_on(receiver).is_ok());
}

/// A method whose calls wait until they are let go.
fn gated(open: Shared<BoxFuture<'static, ()>>, running: &Arc<AtomicUsize>) -> MethodHandler {
    let running = Arc::clone(running);
    MethodHandler::new("gated").with_method("wait", move || {
        let (open, running) = (open.clone(), Arc::clone(&running));
        async move {
            running.fetch_add(1, Ordering::SeqCst);
            open.await;
            Ok::<_, String>(running.load(Ordering::SeqCst))
        }
    })
}

#[test]
fn no_more_calls_run_at_once_than_a_handler_has_threads() {
    let (opens, open) = oneshot::channel::<()>();
    let open = open.map(drop).boxed().shared();
    let running = Arc::new(AtomicUsize::new(0));
    let bench = Bench::new(handlers([gated(open, &running).with_threads(2), math()]));
    let ids: Vec<_> = (0..5)
        .map(|_| block_on(bench.request("gated.wait", json!(null)).submit()).expect("queued"))
        .collect();
    until("two run", || running.load(Ordering::SeqCst) == 2);
    // Later calls of others pass those that wait.
    for _ in 0..20 {
        assert_eq!(bench.value("math.add", json!([1, 1])), "2");
    }
    assert_eq!(running.load(Ordering::SeqCst), 2);
    opens.send(()).expect("they wait");
    for id in ids {
        let details =
            block_on(bench.dispatcher.wait(id, std::time::Duration::from_secs(60))).expect("an outcome");
        assert!(details.error.is_none(), "{:?}", details.error);
    }
    assert_eq!(running.load(Ordering::SeqCst), 5);
}

#[test]
fn handlers_are_described() {
    let info = handlers([math()]).describe();
    let handler = &info.handlers[0];
    assert_eq!(
        (&*handler.name, &*handler.description, handler.typ),
        ("math", "Arithmetic.", HandlerType::Native)
    );
    let methods: Vec<_> =
        handler.methods.iter().map(|method| (method.name.as_str(), &*method.description)).collect();
    let expected = [
        ("math.add", "Adds two numbers."),
        ("math.half", "Half of an even number."),
        ("math.panic", ""),
        ("math.who", ""),
    ];
    assert_eq!(methods, expected);
    let add = serde_json::to_value(&handler.methods[0]).expect("JSON");
    assert_eq!(add["schema"]["properties"]["a"]["type"], "integer", "{add}");
    assert_eq!(add["forms"][0]["parameters"][0]["name"], "a");
    assert_eq!(add["forms"][0]["parameters"][0]["description"], "The first.");
    let back: rhai_dispatcher_handlers::HandlersInfo =
        serde_json::from_str(&serde_json::to_string(&info).expect("JSON")).expect("the same");
    assert_eq!(back, info);
}

#[test]
fn bad_handlers_are_refused_with_their_names() {
    let method = || async { Ok::<_, String>(()) };
    let refused =
        |handlers: Vec<MethodHandler>| Handlers::new(handlers, None).expect_err("it is bad").to_string();
    let bad_name = refused(vec![MethodHandler::new("my math").with_method("a", method)]);
    assert!(bad_name.starts_with("handler: \"my math\" has a character outside"), "{bad_name}");
    let bad_method = refused(vec![MethodHandler::new("m").with_method("ä", method)]);
    assert!(bad_method.starts_with("method: \"m.ä\" has a character outside"), "{bad_method}");
    let dotted = refused(vec![MethodHandler::new("m").with_method("a.b", method)]);
    assert!(dotted.starts_with("method: \"a.b\" has a dot"), "{dotted}");
    let twice = refused(vec![MethodHandler::new("m").with_method("a", method).with_method("a", method)]);
    assert!(twice.starts_with("method: `m.a` is given twice"), "{twice}");
    let empty = refused(vec![MethodHandler::new("m")]);
    assert!(empty.starts_with("handler: `m` has no methods"), "{empty}");
    let two = || MethodHandler::new("m").with_method("a", method);
    assert!(refused(vec![two(), two()]).starts_with("handler: `m` is registered twice"));
    let described = refused(vec![two().with_method_description("b", "B.")]);
    assert!(described.starts_with("method: `m.b` is described, and is not there"), "{described}");
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "it is never read")]
    struct Endless(Option<Box<Endless>>);
    let endless = MethodHandler::new("m").with_method("a", |_: Endless| async { Ok::<_, String>(()) });
    let endless = refused(vec![endless]);
    assert!(
        endless.starts_with("method: the parameters of `m.a` are an option or a newtype of their"),
        "{endless}"
    );
}

#[test]
fn what_is_written_about_a_type_describes_the_one_method_that_takes_it() {
    /// A customer.
    #[derive(Deserialize, JsonSchema)]
    struct Customer {
        id: i64,
    }
    let customers = MethodHandler::new("customers")
        .with_method("get", |of: Customer| async move { Ok::<_, String>(of.id) })
        .with_method("delete", |of: Customer| async move { Ok::<_, String>(of.id) })
        .with_method("add", |params: Add| async move { Ok::<_, String>(params.a + params.b) })
        .with_method_description("get", "Reads a customer.");
    let info = handlers([customers]).describe();
    let methods: Vec<_> =
        info.handlers[0].methods.iter().map(|method| (method.name.as_str(), &*method.description)).collect();
    let expected = [
        ("customers.add", "Adds two numbers."),
        ("customers.delete", ""),
        ("customers.get", "Reads a customer."),
    ];
    assert_eq!(methods, expected);
}
