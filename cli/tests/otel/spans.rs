use std::collections::HashMap;

use rhai_dispatcher_test_http::{Answer, TestServer};

use crate::protobuf::Message;
use crate::site::Site;

/// A span, as a collector receives it.
#[derive(Debug, Clone)]
struct Span {
    trace_id: String,
    span_id: String,
    /// Empty for the first span of a trace.
    parent: String,
    name: String,
    /// The attributes that are texts.
    attributes: HashMap<String, String>,
    /// 2 if it is an error.
    status: u64,
    status_message: String,
    service: String,
}

/// A collector, which takes what it gets.
struct Collector(TestServer);

impl Collector {
    fn new() -> Self {
        Self(TestServer::start(|_| Answer::status(200).with_header("content-type", "application/x-protobuf")))
    }

    /// All spans so far.
    fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for asked in self.0.asked() {
            assert_eq!((&*asked.method, &*asked.path), ("POST", "/v1/traces"));
            assert_eq!(asked.header("content-type"), Some("application/x-protobuf"));
            for of_resource in Message::parse(&asked.bytes).messages(1) {
                let resource = of_resource.messages(1).next().expect("a resource");
                let service = attributes(&resource, 1).remove("service.name").expect("a service");
                for of_scope in of_resource.messages(2) {
                    spans.extend(of_scope.messages(2).map(|span| Span::read(&span, &service)));
                }
            }
        }
        spans
    }
}

impl Span {
    fn read(span: &Message<'_>, service: &str) -> Self {
        let status = span.messages(15).next();
        Self {
            trace_id: hex(span.bytes(1)),
            span_id: hex(span.bytes(2)),
            parent: hex(span.bytes(4)),
            name: span.text(5),
            attributes: attributes(span, 9),
            status: status.as_ref().map_or(0, |status| status.number(3)),
            status_message: status.as_ref().map_or_else(String::new, |status| status.text(2)),
            service: service.to_owned(),
        }
    }
}

/// The attributes of a span or a resource whose values are texts.
fn attributes(message: &Message<'_>, field: u64) -> HashMap<String, String> {
    let text = |attribute: Message<'_>| {
        let value = attribute.messages(2).next().map(|value| value.text(1));
        (attribute.text(1), value.unwrap_or_default())
    };
    message.messages(field).map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn spans_of_a_task_and_its_child_reach_the_collector() {
    let (site, collector) = (Site::new(), Collector::new());
    let worker = site.worker(&["--otlp", &collector.0.url("/")]);
    let (trace_id, caller) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let traceparent = format!("00-{trace_id}-{caller}-01");
    let script = r#"dispatch("worker-1", "throw `no such luck`")"#;
    let id = site.submit(script, &["--traceparent", &traceparent]);
    let record = site.record(&id, |record| record["status"] == "error");
    assert_eq!(record["trace"]["traceparent"], traceparent);
    let child = record["children"][0].as_str().expect("a child").to_owned();
    let shown = site.run(&["status", &id]).out;
    assert!(shown.contains(&format!("trace       {traceparent}\n")), "{shown}");
    // Without a caller's trace a task begins one, which is not in its record.
    let alone = site.submit("40 + 2", &[]);
    site.record(&alone, |record| record["status"] == "completed");

    // It sends the last batch before it ends.
    worker.signal("TERM");
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let warning = ended.err.lines().find(|line| line.contains("the task has failed")).expect("a warning");
    assert!(warning.contains("WARN rhai_dispatcher::task"), "{warning}");
    let spans = collector.spans();
    let of = |id: &str| spans.iter().find(|span| span.attributes["task"] == id).expect("its span").clone();
    let (parent, child, alone) = (of(&id), of(&child), of(&alone));
    assert_eq!((&*parent.trace_id, &*parent.parent), (trace_id, caller));
    assert_eq!((&*child.trace_id, &child.parent), (trace_id, &parent.span_id));
    assert_ne!(alone.trace_id, trace_id);
    assert_eq!(alone.parent, "");
    assert_eq!((&*parent.attributes["worker_id"], &*parent.service), ("worker-1", "rhaid"));
    assert_eq!((&*child.attributes["outcome"], child.status), ("error", 2));
    assert_eq!(child.attributes["error.type"], "runtime");
    assert!(child.status_message.contains("no such luck"), "{child:?}");
    assert_eq!((&*alone.attributes["outcome"], alone.status, &*alone.name), ("completed", 0, "<stdin>"));
    assert_eq!(spans.len(), 3, "{spans:?}");
}

#[test]
fn unusable_collector_is_an_error_and_a_silent_one_is_none() {
    let site = Site::new();
    for url in ["collector:4318", "ftp://collector/", "http://"] {
        let ended = site.run(&["worker", "--id", "worker-1", "--no-supervise", "--otlp", url]);
        assert_eq!(ended.code, Some(2), "{url}: {}", ended.err);
        assert!(ended.err.contains("invalid value for '--otlp <URL>'"), "{url}: {}", ended.err);
    }
    // A port that nothing listens on.
    let url = Collector::new().0.url("");
    let worker = site.worker(&["--otlp", &url]);
    let id = site.submit("1", &[]);
    site.record(&id, |record| record["status"] == "completed");
    worker.signal("TERM");
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("ExportFailed") || ended.err.contains("export"), "{}", ended.err);
}
