//! Spans of tasks on a real worker: which log lines belong to which task.
//!
//! Lanes are threads of their own, so the subscriber is that of the process, and this file is one test.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, mpsc};

use futures::channel::oneshot;
use futures::executor::block_on;
use rhai::{FnPtr, NativeCallContext};
use rhai_dispatcher_core::{Payload, Task, TaskId, Transport, Worker, WorkerConfig, WorkerId};
use rhai_dispatcher_engine::{EngineConfig, RhaiHandler};
use rhai_dispatcher_memory::{MemoryConfig, MemoryTransport};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// What is logged: for each line its fields, and the spans that it belongs to, the outer one first.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

#[derive(Debug, Clone)]
struct Line {
    level: tracing::Level,
    fields: HashMap<&'static str, String>,
    spans: Vec<(&'static str, HashMap<&'static str, String>)>,
}

#[derive(Default)]
struct Fields(HashMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let spans = scope.map(|span| {
            let fields = span.extensions().get::<Fields>().map(|fields| fields.0.clone());
            (span.name(), fields.unwrap_or_default())
        });
        let line = Line { level: *event.metadata().level(), fields: fields.0, spans: spans.collect() };
        self.0.lock().unwrap().push(line);
    }
}

impl Lines {
    /// The lines with that message.
    fn of(&self, message: &str) -> Vec<Line> {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.fields["message"] == message).cloned().collect()
    }

    /// The names of the spans of the line with that message, and the task of the outer one.
    fn spans(&self, message: &str) -> (Vec<&'static str>, String) {
        let line = self.of(message).pop().unwrap_or_else(|| panic!("no line {message}"));
        let task = line.spans.first().map(|(_, fields)| fields["task"].clone()).unwrap_or_default();
        (line.spans.iter().map(|(name, _)| *name).collect(), task)
    }
}

/// What lets the calls of `gated()` continue, in the order in which they began.
type Gates = mpsc::Receiver<oneshot::Sender<()>>;

/// `note(text)` logs a line, `note_elsewhere(text)` does so on a thread of the pool; `gated()` waits until the test lets it continue; `in_span(f)` calls `f` in a span, which stays
/// entered when `f` waits.
fn functions() -> (EngineConfig, Gates) {
    let (begun, gates) = mpsc::channel();
    let begun = Mutex::new(begun);
    let config = EngineConfig::new().with_setup(|engine| {
        engine.register_fn("note", |text: &str| tracing::info!("{text}"));
        engine.register_fn("in_span", |context: NativeCallContext<'_>, f: FnPtr| {
            let _entered = tracing::info_span!("inner").entered();
            f.call_within_context::<()>(&context, ())
        });
    });
    let config = config.with_blocking_fn("note_elsewhere", |text: String| {
        tracing::info!("{text}");
        Ok::<_, String>(())
    });
    let config = config.with_async_fn("gated", move || {
        let (open, opened) = oneshot::channel::<()>();
        begun.lock().unwrap().send(open).unwrap();
        async move { opened.await.map_err(|error| error.to_string()) }
    });
    (config, gates)
}

struct Bench {
    transport: Arc<dyn Transport>,
}

impl Bench {
    fn submit(&self, script: &str) -> TaskId {
        let payload = Payload::Script { source: script.into(), name: Some("noted.rhai".into()) };
        let mut task = Task::new(worker_id(), payload, "caller-1");
        task.trace =
            Some(Arc::new("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap()));
        let id = task.id;
        block_on(self.transport.submit(vec![task.into()])).unwrap().remove(0).unwrap();
        id
    }

    fn end(&self, id: TaskId) {
        block_on(self.transport.outcome(id)).unwrap();
    }
}

fn worker_id() -> WorkerId {
    WorkerId::try_from("worker-1").unwrap()
}

#[test]
fn log_lines_belong_to_the_span_of_their_task() {
    let lines = Lines::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines.clone())).unwrap();
    let (config, gates) = functions();
    let transport: Arc<dyn Transport> = Arc::new(MemoryTransport::new(MemoryConfig::default()));
    let one_lane = WorkerConfig::default().with_lanes(NonZeroUsize::MIN);
    let worker = Worker::new(Arc::clone(&transport), worker_id()).with_config(one_lane);
    let worker = block_on(worker.start(move || RhaiHandler::new(&config))).unwrap();
    let bench = Bench { transport };

    // The first task waits in an inner span, while the second one logs on the same thread.
    let first = bench.submit(r#"note("before"); in_span(|| { gated(); note("inside"); }); note("after");"#);
    let open = gates.recv().unwrap();
    let second = bench.submit(r#"note("beside"); gated(); note("beside again");"#);
    let open_second = gates.recv().unwrap();
    open.send(()).unwrap();
    bench.end(first);
    open_second.send(()).unwrap();
    bench.end(second);
    let (first, second) = (first.to_string(), second.to_string());
    assert_eq!(lines.spans("before"), (vec!["task"], first.clone()));
    assert_eq!(lines.spans("inside"), (vec!["task", "inner"], first.clone()));
    assert_eq!(lines.spans("after"), (vec!["task"], first));
    assert_eq!(lines.spans("beside"), (vec!["task"], second.clone()));
    assert_eq!(lines.spans("beside again"), (vec!["task"], second));
    let fields = &lines.of("beside")[0].spans[0].1;
    for (name, value) in [
        ("worker_id", "worker-1"),
        ("caller", "caller-1"),
        ("script", "noted.rhai"),
        ("delivery", "1"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }

    let blocking = bench.submit(r#"note_elsewhere("on the pool");"#);
    bench.end(blocking);
    assert_eq!(lines.spans("on the pool"), (vec!["task"], blocking.to_string()));

    // A script that is stopped while it waits in a span leaves nothing on the thread.
    let stopped = bench.submit("in_span(|| gated());");
    let kept = gates.recv().unwrap();
    block_on(bench.transport.cancel(&[stopped], rhai_dispatcher_core::CancelReason::Asked)).unwrap();
    bench.end(stopped);
    let last = bench.submit(r#"note("last");"#);
    bench.end(last);
    assert_eq!(lines.spans("last"), (vec!["task"], last.to_string()));
    drop(kept);

    // Of many failures of one kind the first is logged, and the others are counted.
    let failing: Vec<_> = (0..50).map(|_| bench.submit(r#"throw "no such luck\n";"#)).collect();
    failing.iter().for_each(|id| bench.end(*id));
    block_on(worker.drain()).unwrap();
    let warned = lines.of("the task has failed");
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert_eq!(warned[0].level, tracing::Level::WARN);
    assert_eq!((&*warned[0].fields["kind"], &*warned[0].fields["left_out"]), ("runtime", "0"));
    assert!(warned[0].fields["error"].starts_with("no such luck"), "{warned:?}");
    assert!(failing.iter().any(|id| warned[0].fields["task"] == id.to_string()), "{warned:?}");
}
