//! Calls of functions that a script defines, and tasks that Rust code runs.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use rhai_dispatcher_core::{
    CancelReason, Claim, Claimed, EventSink, Handler, InstanceId, Json, Limits, MethodName, Outcome, Payload,
    Ran, Run, Stop, StopToken, Task, TaskError, TaskErrorKind, WorkerId,
};
use rhai_dispatcher_engine::{EngineConfig, FunctionCall, ModuleTexts, ScriptChecker, Secret};
use support::{Bench, Started};

/// A folder in memory.
#[derive(Debug, Default)]
struct Texts(BTreeMap<&'static str, &'static str>);

impl ModuleTexts for Texts {
    fn text(&self, module: &str) -> Option<Arc<str>> {
        self.0.get(module).map(|text| Arc::from(*text))
    }
}

fn run_of(bench: &Bench, params: &str, limits: Option<Limits>) -> Run {
    let method = MethodName::try_from("billing.charge").unwrap();
    let mut task = Task::new(WorkerId::try_from("worker-1").unwrap(), Payload::Call { method }, "caller-1");
    task.args = Json::parse(params).unwrap();
    task.limits = limits.map(Arc::new);
    let claim = Claim { task: task.id, instance: InstanceId::new(), delivery: 1 };
    let claimed = Claimed::first(claim, Arc::new(task));
    Run {
        claimed,
        stop: StopToken::new(),
        deadline: None,
        clock: Arc::new(bench.clock.clone()),
        events: EventSink::default(),
        trace: None,
    }
}

fn start(bench: &Bench, script: &str, params: &str, modules: &[(&'static str, &'static str)]) -> Started {
    let run = run_of(bench, params, None);
    let modules = Arc::new(Texts(modules.iter().copied().collect()));
    let call = FunctionCall {
        script: script.into(),
        function: "charge".into(),
        params: run.claimed.task.args.clone(),
        modules,
    };
    Started { stop: run.stop.clone(), future: bench.handler.call_function(run, call) }
}

fn value(script: &str, params: &str) -> String {
    start(&Bench::new(), script, params, &[]).value()
}

fn error(bench: &Bench, script: &str, params: &str, modules: &[(&'static str, &'static str)]) -> TaskError {
    match start(bench, script, params, modules).finish().0 {
        Outcome::Error(error) => error,
        other => panic!("{other:?}"),
    }
}

fn native(
    bench: &Bench,
    limits: Option<Limits>,
    body: LocalBoxFuture<'static, Result<Json, TaskError>>,
) -> Started {
    let run = run_of(bench, "null", limits);
    Started { stop: run.stop.clone(), future: bench.handler.run_native(run, body) }
}

#[test]
fn a_function_is_called_with_the_parameters() {
    let script = "fn charge(cents) { cents * 2 } fn charge(cents, currency) { `${cents} ${currency}` } \
                  fn charge() { [caller_id, args] }";
    assert_eq!(value(script, "[21]"), "42");
    assert_eq!(value(script, r#"{"currency":"eur","cents":5}"#), "\"5 eur\"");
    assert_eq!(value(script, "null"), r#"["caller-1",{}]"#);
    assert_eq!(value("fn charge(order) { order.cents }", r#"{"order":{"cents":5}}"#), "5");
    assert_eq!(value("fn charge() { exit(7); 8 }", "[]"), "7");
    let bad = error(&Bench::new(), script, "[1,2,3]", &[]);
    assert_eq!(bad.kind, TaskErrorKind::BadParams);
    let none = error(&Bench::new(), "private fn charge() { }", "null", &[]);
    assert_eq!(none.kind, TaskErrorKind::UnknownMethod);
}

#[test]
fn a_worker_without_methods_has_no_method_of_any_name() {
    let bench = Bench::new();
    let run = run_of(&bench, "null", None);
    let Outcome::Error(error) =
        (Started { stop: run.stop.clone(), future: bench.handler.handle(run) }).finish().0
    else {
        panic!("there is none");
    };
    assert_eq!(error.kind, TaskErrorKind::UnknownMethod);
    assert!(
        error.message.starts_with("this worker has no methods, and the task calls `billing.charge`"),
        "{error}"
    );
}

#[test]
fn a_function_has_the_constants_and_imports_of_its_script() {
    let script = "import \"shop/prices\" as prices;\nconst FEE = 3;\nfn charge(cents) { prices::gross(cents) + global::FEE }";
    let prices = [("shop/prices", "const TAX = 20; fn gross(cents) { cents + cents * global::TAX / 100 }")];
    assert_eq!(start(&Bench::new(), script, "[100]", &prices).value(), "123");
    let later = "fn charge() { import \"shop/prices\" as p; p::gross(10) }";
    assert_eq!(start(&Bench::new(), later, "null", &prices).value(), "12");
}

#[test]
fn errors_have_their_place_in_the_script() {
    let bench = Bench::new();
    let deep = error(&bench, "fn helper(x) {\n  x + nope\n}\n\nfn charge(x) {\n  helper(x)\n}", "[1]", &[]);
    assert_eq!((deep.kind, deep.line, deep.column), (TaskErrorKind::Runtime, Some(2), Some(7)), "{deep}");
    assert!(deep.message.contains("(in function `helper`)"), "{deep}");
    let thrown = error(&bench, "fn charge(x) {\n  throw #{ code: x };\n}", "[7]", &[]);
    assert_eq!((thrown.line, thrown.value.unwrap().as_str()), (Some(2), "{\"code\":7}"));
    let script = "import \"part\" as part;\nfn charge() {\n\n  part::run()\n}";
    let module = error(&bench, script, "null", &[("part", "\n\nfn run() { nope }")]);
    assert!(module.message.ends_with("(in module `part`, line 3)"), "{module}");
    assert_eq!(module.line, Some(4), "{module}");
    let broken = error(&bench, script, "null", &[("part", "fn run( {")]);
    assert!(broken.message.contains("(in module `part`"), "{broken}");
    assert_eq!(broken.line, Some(1), "{broken}");
}

#[test]
fn a_call_has_the_limits_the_secrets_and_the_requests_of_a_script() {
    let endless = error(
        &Bench::with(EngineConfig::new().with_max_operations(1000)),
        "fn charge() { let n = 0; loop { n += 1; } }",
        "[]",
        &[],
    );
    assert_eq!((endless.kind, endless.line), (TaskErrorKind::Limit, Some(1)), "{endless}");
    let config = EngineConfig::new()
        .with_secret("KEY", Secret::new("hidden"))
        .with_async_fn("look_up", |name: String| async move { format!("Dr. {name}") });
    let script = "fn charge(name) { let id = look_up_async(name); [await_result(id), `${KEY}`] }";
    let bench = Bench::with(config);
    assert_eq!(start(&bench, script, "[\"Ada\"]", &[]).value(), r#"["Dr. Ada","[secret]"]"#);
}

#[test]
fn what_a_script_is_is_told_without_running_it() {
    let checker = ScriptChecker::new(EngineConfig::new().with_max_script_bytes(1000));
    let outline =
        checker.outline("//! Money.\n/// Pays.\nfn pay(cents) { nope() }\nprivate fn hidden() { }").unwrap();
    assert_eq!((&*outline.description, outline.functions.len()), ("Money.", 1));
    let function = &outline.functions[0];
    assert_eq!(
        (&*function.name, &*function.parameters, &*function.description),
        ("pay", &["cents".to_owned()][..], "Pays.")
    );
    let bad = checker.outline("fn pay(cents) {\n  let = 5;\n}").unwrap_err();
    assert_eq!((bad.kind, bad.line), (TaskErrorKind::Parse, Some(2)));
    assert_eq!(checker.outline(&" ".repeat(1001)).unwrap_err().kind, TaskErrorKind::Limit);
}

#[test]
fn a_native_task_completes_fails_and_panics_apart() {
    let bench = Bench::new();
    let json = |text: &str| Json::parse(text).unwrap();
    assert_eq!(native(&bench, None, Box::pin(ready(Ok(json("[1]"))))).value(), "[1]");
    let failed = TaskError::new(TaskErrorKind::Runtime, "no");
    let (outcome, _) = native(&bench, None, Box::pin(ready(Err(failed.clone())))).finish();
    assert_eq!(outcome, Outcome::Error(failed));
    let (outcome, _) = native(&bench, None, Box::pin(async { panic!("on purpose") })).finish();
    let message = "the method panicked: on purpose";
    assert_eq!(outcome, Outcome::Error(TaskError::new(TaskErrorKind::Panic, message)));
    let small = EngineConfig::new().with_max_output_bytes(3);
    let (outcome, _) = native(&Bench::with(small), None, Box::pin(ready(Ok(json("[1,2]"))))).finish();
    assert!(matches!(&outcome, Outcome::Error(error) if error.kind == TaskErrorKind::Limit), "{outcome:?}");
}

#[test]
fn a_native_task_ends_at_its_wall_time_and_when_it_is_stopped() {
    let bench = Bench::with(EngineConfig::new().with_max_in_flight(2));
    let limits = Limits::default().with_max_wall_time(Duration::from_secs(5));
    let mut timed = native(&bench, Some(limits), Box::pin(pending()));
    let mut stopped = native(&bench, None, Box::pin(pending()));
    assert!(timed.poll().is_pending() && stopped.poll().is_pending());
    assert_eq!(bench.room(), None, "they count as scripts do");
    bench.clock.advance(Duration::from_secs(5));
    let Poll::Ready(Ran::Finished(Outcome::Error(error), _)) = timed.poll() else { panic!("it is over") };
    assert_eq!(error.kind, TaskErrorKind::Timeout);
    assert!(error.message.contains("limit of 5s; raise max_wall_time"), "{error}");
    assert!(bench.room().is_some());
    assert!(stopped.poll().is_pending());
    stopped.stop.stop(Stop::Cancelled(CancelReason::Asked));
    assert!(matches!(stopped.poll(), Poll::Ready(Ran::Stopped(_))));
}
