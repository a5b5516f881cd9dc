use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rhai_dispatcher::metrics;
use serde_json::Value;

use crate::command::Ended;
use crate::site::{RunningWorker, Site};

/// An answer over HTTP.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// What a scrape says.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    /// Type and help of each metric.
    pub(crate) metrics: BTreeMap<String, (String, String)>,
    /// The names of labels of each metric.
    pub(crate) labels: BTreeMap<String, BTreeSet<String>>,
    /// Values by name and labels, as they are written.
    values: BTreeMap<String, f64>,
}

const ANY_PORT: [&str; 2] = ["--metrics", "127.0.0.1:0"];

/// A worker with metrics, and their address.
fn worker(site: &Site, args: &[&str]) -> (RunningWorker, String) {
    let worker = site.worker(&[&ANY_PORT, args].concat());
    let url = worker.serving()["metrics"].as_str().expect("its URL").to_owned();
    let address = url.strip_prefix("http://").and_then(|url| url.strip_suffix("/metrics"));
    let address = address.expect("an address").to_owned();
    (worker, address)
}

fn request(address: &str, method: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn get(address: &str, path: &str) -> Answer {
    request(address, "GET", path)
}

/// The status of a health check, and the reason in its body.
fn check(address: &str, path: &str) -> (u16, String) {
    let answer = get(address, path);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(body["workerId"], "worker-1", "{body}");
    assert_eq!(body["status"] == "ok", answer.status == 200, "{body}");
    (answer.status, body["reason"].as_str().unwrap_or_default().to_owned())
}

impl Scrape {
    pub(crate) fn of(address: &str) -> Self {
        let answer = get(address, "/metrics");
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
        let mut scrape = Self::default();
        for line in answer.body.lines().filter(|line| !line.is_empty()) {
            scrape.read(line);
        }
        scrape
    }

    fn read(&mut self, line: &str) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help");
            self.metrics.entry(name.to_owned()).or_default().1 = help.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            self.metrics.entry(name.to_owned()).or_default().0 = kind.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let names = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            let metric = ["_bucket", "_sum", "_count"].iter().find_map(|part| {
                name.strip_suffix(part)
                    .filter(|name| self.metrics.get(*name).is_some_and(|it| it.0 == "histogram"))
            });
            let labels = self.labels.entry(metric.unwrap_or(name).to_owned()).or_default();
            labels.extend(names.filter(|label| label != "le"));
            self.values.insert(series.to_owned(), value.parse().expect("a number"));
        }
    }

    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        *self.values.get(series).unwrap_or_else(|| panic!("{series} is not among {:#?}", self.values.keys()))
    }

    /// A value of a series of worker-1.
    #[track_caller]
    fn of_worker(&self, name: &str) -> f64 {
        self.value(&format!("{name}{{worker_id=\"worker-1\"}}"))
    }

    #[track_caller]
    fn ended(&self, status: &str) -> f64 {
        self.value(&format!("rhai_tasks_ended_total{{worker_id=\"worker-1\",status=\"{status}\"}}"))
    }
}

/// The rows of a table of metrics: name, type, labels and help.
pub(crate) type Documented = BTreeMap<String, (String, BTreeSet<String>, String)>;

/// The table of docs/operations.md.
pub(crate) fn documented() -> Documented {
    rows(include_str!("../../../docs/operations.md"))
}

/// The table of metrics of a document.
pub(crate) fn rows(document: &str) -> Documented {
    let table = document.split_once("| name | type | labels | what |").expect("the table").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, help] = cells[..] else { panic!("{row}") };
        let labels = labels.split(", ").filter(|label| !label.is_empty());
        let labels = labels.map(|label| label.trim_matches('`').to_owned()).collect();
        (name.trim_matches('`').to_owned(), (kind.to_owned(), labels, help.to_owned()))
    })
    .collect()
}

#[test]
fn metrics_of_the_library_are_in_the_document() {
    let documented = documented();
    for metric in metrics::all() {
        let (kind, labels, help) = documented.get(metric.name).unwrap_or_else(|| panic!("{}", metric.name));
        let expected: BTreeSet<_> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!((kind.as_str(), labels, help.as_str()), (metric.kind.as_str(), &expected, metric.help));
    }
}

#[test]
fn metrics_of_a_live_worker_are_those_of_the_document() {
    let site = Site::new();
    let (_worker, address) = worker(&site, &[]);
    for id in [site.submit("dispatch_async(\"worker-1\", \"1\"); 40 + 2", &[]), site.submit("2", &[])] {
        site.ok(&["wait", &id]);
    }
    let failed = site.submit("throw 1", &["--retries", "1"]);
    assert_eq!(site.run(&["wait", &failed]).code, Some(1));
    let sleeping = site.submit("print(1); sleep(3600)", &[]);
    site.begun(&sleeping);
    let call = ["call", "--worker", "worker-1", "--method", "handlers.list"];
    site.ok(&call);
    let delayed = site.submit("3", &["--delay", "1h"]);

    let mut scrape = Scrape::of(&address);
    site.until("a delayed task and a running one in the figures", || {
        scrape = Scrape::of(&address);
        scrape.of_worker("rhai_queue_delayed_tasks") == 1.0 && scrape.of_worker("rhai_tasks_running") == 1.0
    });
    assert_eq!(scrape.of_worker("rhai_queue_claimed_tasks"), 1.0);
    assert_eq!(scrape.of_worker("rhai_queue_instances"), 1.0);
    assert_eq!(scrape.value("rhai_transport_connected"), 1.0);
    site.ok(&["cancel", &sleeping]);
    site.ok(&["cancel", &delayed]);
    site.until("the ends in the figures", || {
        scrape = Scrape::of(&address);
        scrape.ended("cancelled") == 1.0
    });
    // Two scripts, the child of the first, and the method.
    assert_eq!((scrape.ended("completed"), scrape.ended("error")), (4.0, 1.0));
    assert_eq!(scrape.of_worker("rhai_tasks_retried_total"), 1.0);
    assert_eq!(scrape.of_worker("rhai_tasks_started_total"), 7.0);
    assert_eq!(scrape.of_worker("rhai_tasks_taken_over_total"), 0.0);
    assert_eq!(scrape.of_worker("rhai_tasks_running"), 0.0);
    assert_eq!(scrape.of_worker("rhai_task_seconds_count"), 7.0);
    assert_eq!(scrape.of_worker("rhai_task_queue_seconds_count"), 7.0);
    assert_eq!(scrape.of_worker("rhai_lanes"), 1.0);
    assert!(scrape.of_worker("rhai_lane_busy_seconds_sum") > 0.0);
    assert_eq!(scrape.value("rhai_dispatcher_requests_total{result=\"completed\"}"), 1.0);
    assert_eq!(scrape.value("rhai_dispatcher_request_seconds_count"), 1.0);
    assert_eq!(scrape.value("rhai_dispatcher_queue_seconds_count"), 1.0);
    let calls =
        "rhai_method_calls_total{worker_id=\"worker-1\",method=\"handlers.list\",status=\"completed\"}";
    assert_eq!(scrape.value(calls), 1.0);

    let documented = documented();
    for (name, (kind, help)) in &scrape.metrics {
        let row = documented.get(name).unwrap_or_else(|| panic!("{name} is not in docs/operations.md"));
        assert_eq!((kind, &scrape.labels[name], help), (&row.0, &row.1, &row.2), "{name}");
    }
    let only_elsewhere = |help: &str| help.ends_with("Linux only.") && !cfg!(target_os = "linux");
    for (name, (_, _, help)) in &documented {
        assert!(scrape.metrics.contains_key(name) || only_elsewhere(help), "{name} is not in the scrape");
    }
}

#[test]
fn health_follows_the_server() {
    let mut site = Site::new();
    let (_worker, address) = worker(&site, &[]);
    site.until("a renewed connection", || check(&address, "/healthz").0 == 200);
    assert_eq!(check(&address, "/readyz").0, 200);

    site.redis.kill();
    site.until("a check that fails", || check(&address, "/healthz").0 == 503);
    let (_, reason) = check(&address, "/healthz");
    assert!(reason.contains("the store can't be reached"), "{reason}");
    site.until("a lease that is over", || check(&address, "/healthz").1.contains("the lease is over"));
    assert_eq!(check(&address, "/readyz").0, 503);
    site.until("unknown figures of the queue", || {
        let scrape = Scrape::of(&address);
        assert_eq!(scrape.value("rhai_transport_connected"), 0.0);
        scrape.of_worker("rhai_queue_claimed_tasks").is_nan()
    });

    site.redis.restart();
    site.until("a check that succeeds", || check(&address, "/healthz").0 == 200);
    assert_eq!(check(&address, "/readyz").0, 200);
    let scrape = Scrape::of(&address);
    assert!(scrape.value("rhai_lease_renewals_total{worker_id=\"worker-1\",result=\"failed\"}") >= 1.0);
}

#[test]
fn draining_worker_lives_and_is_not_ready() {
    let site = Site::new();
    let (mut worker, address) = worker(&site, &["--grace", "1h"]);
    let id = site.submit("print(1); sleep(3600)", &[]);
    site.begun(&id);
    worker.signal("TERM");
    assert_eq!(worker.event()["event"], "draining");
    site.until("a worker that drains", || check(&address, "/readyz").0 == 503);
    let (_, reason) = check(&address, "/readyz");
    assert!(reason.contains("drains"), "{reason}");
    assert_eq!(check(&address, "/healthz").0, 200);
    site.ok(&["cancel", &id]);
    assert_eq!(worker.event()["event"], "drained");
    assert_eq!(worker.end().code, Some(0));
    assert!(TcpStream::connect(&address).is_err(), "the endpoint ends with the worker");
}

#[cfg(target_os = "linux")]
#[test]
fn endpoint_outlives_a_child() {
    let site = Site::new();
    let (mut worker, address) = worker(&site, &[]);
    assert_eq!(Scrape::of(&address).value("rhaid_restarts_total"), 0.0);
    let child = crate::supervision::child_of(&site, worker.pid(), None);
    let id = site.submit("sleep(3600)", &[]);
    site.running(&id);
    crate::supervision::signal(child, "KILL");
    site.until("the end of the child", || !crate::supervision::lives(child));
    // Unless it has begun, this request waits for the next child.
    let scrape = Scrape::of(&address);
    assert_eq!(scrape.value("rhaid_restarts_total"), 1.0);
    let serving = worker.event();
    assert_eq!(
        (&serving["event"], &serving["metrics"]),
        (&Value::from("serving"), &worker.serving()["metrics"])
    );
    site.until("a start of the task elsewhere", || {
        Scrape::of(&address).of_worker("rhai_tasks_taken_over_total") == 1.0
    });
}

#[test]
fn other_requests_are_refused() {
    let site = Site::new();
    let (_worker, address) = worker(&site, &["--no-supervise"]);
    let unknown = get(&address, "/");
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("/metrics"), "{}", unknown.body);
    let posted = request(&address, "POST", "/metrics");
    assert_eq!(posted.status, 405);
    assert!(posted.head.contains("allow: get, head"), "{}", posted.head);
    let head = request(&address, "HEAD", "/healthz");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

/// A connection that has sent a part of a request.
#[cfg(target_os = "linux")]
fn silent_connection(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").expect("it is buffered");
    stream
}

#[cfg(target_os = "linux")]
#[test]
fn connections_beyond_the_bound_wait_until_others_close() {
    /// As the endpoint has it.
    const MAX_CONNECTIONS: usize = 32;
    let site = Site::new();
    let (_worker, address) = worker(&site, &["--no-supervise"]);
    let mut silent: Vec<_> = (0..MAX_CONNECTIONS).map(|_| silent_connection(&address)).collect();
    site.until("the accept of each", || accepted(&address) == MAX_CONNECTIONS);
    // Its request is complete, and it is answered when one of the others closes: those take their time, of 10 s.
    let mut waiting = TcpStream::connect(&address).expect("the backlog has room");
    write!(waiting, "GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it is buffered");
    let mut answer = [0; 1];
    waiting.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
    let early = waiting.read(&mut answer).expect_err("no answer").kind();
    assert!(matches!(early, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{early}");
    assert_eq!(accepted(&address), MAX_CONNECTIONS, "it is not accepted");
    drop(silent.pop());
    waiting.set_read_timeout(None).expect("a socket");
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).expect("it answers and closes");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// How many connections to a port are accepted: those in a backlog have no inode yet.
#[cfg(target_os = "linux")]
fn accepted(address: &str) -> usize {
    const ESTABLISHED: &str = "01";
    let port = address.rsplit(':').next().expect("a port").parse::<u16>().expect("a number");
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
    let fields = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let is_accepted = |fields: &Vec<&str>| {
        fields[1].ends_with(&format!(":{port:04X}")) && fields[3] == ESTABLISHED && fields[9] != "0"
    };
    fields.filter(is_accepted).count()
}

#[test]
fn address_that_is_taken_is_an_error_of_the_command() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let worker = ["worker", "--id", "worker-1", "--metrics", &address];
    for args in [&worker[..], &[&worker[..], &["--no-supervise"]].concat()] {
        let Ended { code, err, .. } = site.run(args);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains(&format!("'--metrics <ADDR>': {address}: Address already in use")), "{err}");
        assert_eq!(err.matches("error: ").count(), 1, "{err}");
    }
}
