//! Layers of tower's around the methods of a handler.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{self, BoxFuture, FutureExt};
use rhai_dispatcher_core::{Json, Limits, TaskErrorKind, TaskStatus};
use rhai_dispatcher_engine::EngineConfig;
use rhai_dispatcher_handlers::{
    FolderConfig, Handlers, MethodCall, MethodHandler, MethodService, ScriptFolder,
};
use serde_json::json;
use support::{Bench, until};
use tower::limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::util::MapResponseLayer;
use tower::{BoxError, Layer, Service};

/// Notes how each call ended.
#[derive(Clone, Default)]
struct LogLayer(Arc<Mutex<Vec<String>>>);

struct Logged<S> {
    inner: S,
    log: LogLayer,
}

impl<S> Layer<S> for LogLayer {
    type Service = Logged<S>;

    fn layer(&self, inner: S) -> Logged<S> {
        Logged { inner, log: self.clone() }
    }
}

impl<S> Service<MethodCall> for Logged<S>
where
    S: Service<MethodCall, Response = Json, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = Json;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Json, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, call: MethodCall) -> Self::Future {
        let (log, line) = (self.log.clone(), format!("{} {}", call.method, call.params));
        let running = self.inner.call(call);
        async move {
            let ended = running.await.map_err(Into::into);
            let how = match &ended {
                Ok(value) => value.to_string(),
                Err(error) => error.to_string(),
            };
            log.0.lock().expect("no panic").push(format!("{line}: {how}"));
            ended
        }
        .boxed()
    }
}

fn bench(handler: MethodHandler) -> Bench {
    Bench::new(Handlers::new([handler], None).expect("a good handler"))
}

fn echo() -> MethodHandler {
    MethodHandler::new("echo").with_method("echo", |value: serde_json::Value| async move {
        if value.is_null() { Err("nothing") } else { Ok(value) }
    })
}

/// A runtime, and an engine whose methods can use it.
fn tokio_engine() -> (tokio::runtime::Runtime, EngineConfig) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
    let engine = EngineConfig::new().with_tokio(runtime.handle().clone());
    (runtime, engine)
}

#[test]
fn a_layer_sees_each_call_and_how_it_ended() {
    let log = LogLayer::default();
    let bench = bench(echo().with_layer(log.clone()));
    assert_eq!(bench.value("echo.echo", json!([1, 2])), "[1,2]");
    let error = bench.error("echo.echo", json!(null));
    assert_eq!((error.kind, &*error.message), (TaskErrorKind::Runtime, "nothing"), "it is the method's own");
    let lines = log.0.lock().expect("no panic").clone();
    assert_eq!(lines, ["echo.echo [1,2]: [1,2]", "echo.echo null: runtime: nothing"]);
}

#[test]
fn a_layer_can_refuse_and_change_calls() {
    struct Only(&'static str);
    struct Checked<S>(S, &'static str);
    impl<S> Layer<S> for Only {
        type Service = Checked<S>;
        fn layer(&self, inner: S) -> Checked<S> {
            Checked(inner, self.0)
        }
    }
    impl Service<MethodCall> for Checked<MethodService> {
        type Response = Json;
        type Error = BoxError;
        type Future = BoxFuture<'static, Result<Json, BoxError>>;
        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            self.0.poll_ready(cx).map_err(Into::into)
        }
        fn call(&mut self, mut call: MethodCall) -> Self::Future {
            if &*call.task.caller_id != self.1 {
                return future::ready(Err(format!("{} may not call", call.task.caller_id).into())).boxed();
            }
            call.params = Json::parse("\"changed\"").expect("JSON");
            self.0.call(call).map(|ended| ended.map_err(Into::into)).boxed()
        }
    }
    assert_eq!(bench(echo().with_layer(Only("caller-1"))).value("echo.echo", json!(1)), "\"changed\"");
    let refused = bench(echo().with_layer(Only("other"))).error("echo.echo", json!(1));
    assert_eq!((refused.kind, &*refused.message), (TaskErrorKind::Runtime, "caller-1 may not call"));
}

#[test]
fn a_concurrency_limit_lets_calls_wait_and_none_is_forgotten() {
    let (opens, open) = oneshot::channel::<()>();
    let open = open.map(drop).boxed().shared();
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (of_method, of_most) = (Arc::clone(&running), Arc::clone(&most));
    let handler = MethodHandler::new("slow")
        .with_method("wait", move || {
            let (open, running, most) = (open.clone(), Arc::clone(&of_method), Arc::clone(&of_most));
            async move {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                open.await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, String>(())
            }
        })
        .with_layer(ConcurrencyLimitLayer::new(2));
    let bench = bench(handler);
    let submit = || block_on(bench.request("slow.wait", json!(null)).submit()).expect("queued");
    let ids: Vec<_> = (0..20).map(|_| submit()).collect();
    until("two run", || running.load(Ordering::SeqCst) == 2);
    // Those that wait for their turn, or for the layer, can be cancelled.
    for id in &ids[10..] {
        block_on(bench.dispatcher.cancel(*id)).expect("an answer");
    }
    opens.send(()).expect("they wait");
    for id in ids {
        block_on(bench.dispatcher.wait(id, Duration::from_secs(60))).expect("an outcome");
    }
    assert_eq!((running.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, 2));
}

#[test]
fn a_timeout_of_a_layer_is_an_error_of_that_kind() {
    let (_runtime, engine) = tokio_engine();
    let handler = MethodHandler::new("slow")
        .with_method("wait", future::pending::<Result<(), String>>)
        .with_layer(TimeoutLayer::new(Duration::from_millis(10)));
    let bench = Bench::with(engine, Handlers::new([handler], None).expect("a good handler"));
    let late = bench.error("slow.wait", json!(null));
    assert_eq!((late.kind, &*late.message), (TaskErrorKind::Timeout, "request timed out"));
}

#[test]
fn a_rate_limit_that_sheds_load_refuses_calls() {
    let (_runtime, engine) = tokio_engine();
    let limit = RateLimitLayer::new(2, Duration::from_secs(3600));
    let handler = echo().with_layer(limit).with_layer(LoadShedLayer::new());
    let bench = Bench::with(engine, Handlers::new([handler], None).expect("a good handler"));
    assert_eq!(bench.value("echo.echo", json!(1)), "1");
    assert_eq!(bench.value("echo.echo", json!(2)), "2");
    let shed = bench.error("echo.echo", json!(3));
    assert_eq!((shed.kind, &*shed.message), (TaskErrorKind::Limit, "service overloaded"));
}

#[test]
fn a_layer_that_needs_a_runtime_says_so() {
    let bench = bench(echo().with_layer(TimeoutLayer::new(Duration::from_secs(1))));
    let error = bench.error("echo.echo", json!(1));
    assert_eq!(error.kind, TaskErrorKind::Panic);
    assert!(error.message.contains("`EngineConfig::with_tokio`"), "{error}");
}

/// A worker with one script, and layers around it.
fn scripts(text: &str, config: FolderConfig, engine: EngineConfig) -> (Bench, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a folder");
    std::fs::write(directory.path().join("api.rhai"), text).expect("a file");
    let folder = ScriptFolder::open(directory.path(), config, &engine).expect("a folder");
    (Bench::with(engine, Handlers::new([], Some(folder)).expect("good")), directory)
}

#[test]
fn layers_are_around_scripts_too() {
    let log = LogLayer::default();
    let text = "fn half(n) { print(\"half\"); if n % 2 == 1 { throw #{ odd: n } } n / 2 }";
    let (bench, _directory) = scripts(text, FolderConfig::new().with_layer(log.clone()), EngineConfig::new());
    let details = bench.call("api.half", json!([42]));
    assert_eq!(details.log.lines()[0].text, "half");
    assert_eq!(details.output.expect("an output").as_json().as_str(), "21");
    let thrown = bench.error("api.half", json!({"n": 3}));
    assert_eq!((thrown.kind, thrown.line), (TaskErrorKind::Runtime, Some(1)), "{thrown}");
    assert_eq!(thrown.value, Json::parse("{\"odd\":3}").ok());
    let lines = log.0.lock().expect("no panic").clone();
    assert_eq!(lines[0], "api.half [42]: 21");
    assert!(lines[1].starts_with("api.half {\"n\":3}: runtime: "), "{lines:?}");
}

#[test]
fn a_layer_ends_a_script_that_takes_too_long() {
    let (_runtime, engine) = tokio_engine();
    let config = FolderConfig::new().with_layer(TimeoutLayer::new(Duration::from_millis(20)));
    let (bench, _directory) = scripts("fn nap() { sleep(3600) } fn quick() { 1 }", config, engine);
    assert_eq!(bench.error("api.nap", json!(null)).kind, TaskErrorKind::Timeout);
    assert_eq!(bench.value("api.quick", json!(null)), "1");
}

#[test]
fn what_layers_answer_has_the_limit_of_outputs() {
    // That many bytes of JSON, whatever the call answers.
    let padded =
        |bytes: usize| MapResponseLayer::new(move |_: Json| Json::of(&"x".repeat(bytes - 2)).expect("text"));
    let engine = || EngineConfig::new().with_max_output_bytes(100);
    let of_script =
        |bytes| scripts("fn one() { 1 }", FolderConfig::new().with_layer(padded(bytes)), engine());
    let of_function = |bytes| {
        let handlers = Handlers::new([echo().with_layer(padded(bytes))], None).expect("a good handler");
        Bench::with(engine(), handlers)
    };
    assert_eq!(of_script(100).0.value("api.one", json!(null)).len(), 100);
    assert_eq!(of_function(100).value("echo.echo", json!(1)).len(), 100);
    for error in
        [of_script(101).0.error("api.one", json!(null)), of_function(101).error("echo.echo", json!(1))]
    {
        assert_eq!(error.kind, TaskErrorKind::Limit, "{error}");
        assert!(error.message.contains("more than 100 bytes of JSON; raise max_output_bytes"), "{error}");
    }
    // A call may lower it.
    let (bench, _directory) = of_script(100);
    let request = bench.request("api.one", json!(null)).limits(Limits::default().with_max_output_bytes(99));
    let error = block_on(async { request.await }).expect("an outcome").error.expect("an error");
    assert_eq!(error.kind, TaskErrorKind::Limit, "{error}");
}

#[test]
fn scripts_wait_for_a_concurrency_limit_and_can_be_cancelled() {
    let (opens, open) = oneshot::channel::<()>();
    let open = open.map(drop).boxed().shared();
    let running = Arc::new(AtomicUsize::new(0));
    let of_gate = Arc::clone(&running);
    let engine = EngineConfig::new().with_async_fn("gate", move || {
        of_gate.fetch_add(1, Ordering::SeqCst);
        open.clone()
    });
    let config = FolderConfig::new().with_layer(ConcurrencyLimitLayer::new(1));
    let (bench, _directory) = scripts("fn wait() { gate(); 1 }", config, engine);
    let submit = || block_on(bench.request("api.wait", json!(null)).submit()).expect("queued");
    let ids: Vec<_> = (0..10).map(|_| submit()).collect();
    until("one runs", || running.load(Ordering::SeqCst) == 1);
    for id in &ids[5..] {
        block_on(bench.dispatcher.cancel(*id)).expect("an answer");
    }
    assert_eq!(running.load(Ordering::SeqCst), 1);
    opens.send(()).expect("it waits");
    let ends: Vec<_> = ids
        .into_iter()
        .map(|id| block_on(bench.dispatcher.wait(id, Duration::from_secs(60))).expect("an outcome").status)
        .collect();
    assert!(ends[1..5].iter().all(|status| *status == TaskStatus::Completed), "{ends:?}");
    assert!(running.load(Ordering::SeqCst) <= 10, "each ran once");
}

/// Notes each call that has ended, and never answers.
struct Silent<S>(S, LogLayer);

impl<S> Service<MethodCall> for Silent<S>
where
    S: Service<MethodCall, Response = Json, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = Json;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Json, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, call: MethodCall) -> Self::Future {
        let (inner, log) = (self.0.call(call), self.1.clone());
        async move {
            let ended = inner.await.map_err(Into::into);
            log.0.lock().expect("no panic").push(format!("{:?}", ended.is_ok()));
            future::pending().await
        }
        .boxed()
    }
}

#[test]
fn a_layer_that_never_answers_can_be_cancelled_and_is_over_with_the_time_of_the_call() {
    let log = LogLayer::default();
    let of_layer = log.clone();
    let config = FolderConfig::new()
        .with_layer(tower::layer::layer_fn(move |inner| Silent::<MethodService>(inner, of_layer.clone())));
    let (bench, _directory) = scripts("fn one() { 1 }", config, EngineConfig::new());
    let id = block_on(bench.request("api.one", json!(null)).submit()).expect("queued");
    until("its script has ended", || log.0.lock().expect("no panic").len() == 1);
    block_on(bench.dispatcher.cancel(id)).expect("an answer");
    let ended = block_on(bench.dispatcher.wait(id, Duration::from_secs(60))).expect("an outcome");
    assert_eq!(ended.status, TaskStatus::Cancelled);
    let limits = Limits::default().with_max_wall_time(Duration::from_millis(50));
    let request = bench.request("api.one", json!(null)).limits(limits);
    let error = block_on(async { request.await }).expect("an outcome").error.expect("an error");
    assert_eq!(error.kind, TaskErrorKind::Timeout, "{error}");
    assert!(error.message.contains("max_wall_time"), "{error}");
}
