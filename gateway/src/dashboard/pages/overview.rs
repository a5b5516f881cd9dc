use askama::Template;
use axum::response::Response;
use rhai_dispatcher::dispatcher::InstanceDescription;
use rhai_dispatcher::transport::{InstanceInfo, QueueInfo, WallTime};
use serde_json::json;

use super::queues::QueueRow;
use crate::dashboard::frame::{LivePage, PageError, Section, Shell, Visit, live};
use crate::dashboard::monitor::{Point, Snapshot, Trouble, troubles};
use crate::dashboard::text::{Ago, count, shown};

/// What the first page shows.
#[derive(Debug)]
pub(in crate::dashboard) struct Overview {
    troubles: Vec<Trouble>,
    tiles: Vec<Tile>,
    plots: Vec<Plot>,
    queues: Vec<QueueRow>,
    instances: Vec<InstanceRow>,
    /// How many instances are not shown.
    more_instances: usize,
}

/// A number, and what it is.
#[derive(Debug)]
struct Tile {
    name: &'static str,
    value: String,
    unit: &'static str,
}

/// A plot of the last minutes; `data` is JSON for the script that draws it.
#[derive(Debug)]
struct Plot {
    title: &'static str,
    unit: &'static str,
    data: String,
}

/// A worker that lives.
#[derive(Debug)]
struct InstanceRow {
    id: String,
    worker_id: String,
    host: String,
    pid: u32,
    threads: usize,
    claimed: usize,
    version: String,
    started: Option<Ago>,
}

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct Page {
    shell: Shell,
    view: Overview,
}

#[derive(Debug, Template)]
#[template(path = "overview_live.html")]
struct Part<'a> {
    shell: &'a Shell,
    view: &'a Overview,
}

#[derive(Debug)]
struct OverviewPage;

/// As many instances are shown.
const MAX_INSTANCES: usize = 50;
/// As many queues are shown; the page of queues has all.
const MAX_QUEUES: usize = 20;

/// `GET /`
pub(in crate::dashboard) async fn overview(visit: Visit) -> Result<Response, PageError> {
    live(visit, OverviewPage).await
}

impl LivePage for OverviewPage {
    type View = Overview;

    async fn read(&mut self, visit: &Visit) -> Result<Overview, PageError> {
        let snapshot = visit.core.monitor.read(visit.dispatcher().transport()).await?;
        Ok(Overview::of(&snapshot, visit))
    }

    fn shell(&self, visit: &Visit, _view: &Overview) -> Shell {
        Shell::new(visit, Section::Overview, "Overview")
    }

    fn page(shell: Shell, view: Overview) -> impl Template {
        Page { shell, view }
    }

    fn part<'a>(shell: &'a Shell, view: &'a Overview) -> impl Template + 'a {
        Part { shell, view }
    }
}

impl Overview {
    fn of(snapshot: &Snapshot, visit: &Visit) -> Self {
        let sees = |id: &_| visit.scope().is_some_and(|scope| scope.allows_worker(id));
        let points = snapshot.points(sees);
        let times = snapshot.times();
        let queues: Vec<_> = snapshot.queues.iter().filter(|queue| sees(&queue.worker_id)).collect();
        let instances: Vec<_> =
            snapshot.instances.iter().filter(|instance| sees(&instance.worker_id)).collect();
        let sum = |of: fn(&QueueInfo) -> usize| -> usize { queues.iter().map(|queue| of(queue)).sum() };
        let tiles = vec![
            Tile { name: "Throughput", value: rate(&points), unit: "tasks/s" },
            Tile::counting("Running", sum(|queue| queue.claimed), ["task", "tasks"]),
            Tile::counting("Waiting", sum(|queue| queue.waiting()), ["task", "tasks"]),
            Tile::counting("Workers", instances.len(), ["instance", "instances"]),
        ];
        Self {
            troubles: troubles(snapshot, sees),
            tiles,
            plots: plots(&times, &points),
            queues: queues.iter().take(MAX_QUEUES).map(|queue| QueueRow::of(queue, snapshot)).collect(),
            instances: instances
                .iter()
                .take(MAX_INSTANCES)
                .map(|one| InstanceRow::of(one, snapshot.now))
                .collect(),
            more_instances: instances.len().saturating_sub(MAX_INSTANCES),
        }
    }
}

impl Tile {
    fn counting(name: &'static str, number: usize, [one, many]: [&'static str; 2]) -> Self {
        Self { name, value: count(number), unit: if number == 1 { one } else { many } }
    }
}

impl InstanceRow {
    fn of(instance: &InstanceInfo, now: WallTime) -> Self {
        let description = instance.description.as_ref();
        let description: InstanceDescription =
            description.and_then(|description| description.to().ok()).unwrap_or_default();
        Self {
            id: instance.instance.to_string(),
            worker_id: instance.worker_id.to_string(),
            host: shown(&description.host),
            pid: description.pid,
            threads: description.threads,
            claimed: instance.claimed,
            version: shown(&description.version),
            started: instance.started_at.map(|at| Ago::new(at, now)),
        }
    }
}

/// Tasks per second over the last intervals.
fn rate(points: &[Point]) -> String {
    /// About 10 s.
    const INTERVALS: usize = 5;
    let last = &points[points.len().saturating_sub(INTERVALS)..];
    let sum: f64 = last.iter().map(|point| point.per_second(point.completed + point.errors)).sum();
    decimal(sum / last.len().max(1) as f64)
}

fn decimal(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.1}"),
        value => count(value as u64),
    }
}

fn plots(times: &[WallTime], points: &[Point]) -> Vec<Plot> {
    let seconds: Vec<_> = times.iter().map(|at| at.as_millis() as f64 / 1e3).collect();
    let rates = |of: fn(&Point) -> u64| -> Vec<f64> {
        points
            .iter()
            .map(|point| point.per_second(of(point)))
            .map(|rate| (rate * 10.0).round() / 10.0)
            .collect()
    };
    let percentile = |share: f64| -> Vec<Option<f64>> {
        let millis = |point: &Point| Some(point.times.percentile(share)?.as_micros() as f64 / 1e3);
        points.iter().map(millis).collect()
    };
    let numbers = |of: fn(&Point) -> Option<usize>| -> Vec<_> { points.iter().map(of).collect() };
    let plot = |title, unit, series: serde_json::Value| Plot {
        title,
        unit,
        data: json!({ "times": seconds, "unit": unit, "series": series }).to_string(),
    };
    let throughput = json!([
        { "name": "completed", "color": "good", "values": rates(|point| point.completed) },
        { "name": "errors", "color": "bad", "values": rates(|point| point.errors) },
    ]);
    let times = json!([
        { "name": "median", "color": "accent", "values": percentile(0.5) },
        { "name": "99 %", "color": "warn", "values": percentile(0.99) },
    ]);
    let tasks = json!([
        { "name": "running", "color": "accent", "hasGaps": true, "values": numbers(|point| point.running) },
        { "name": "waiting", "color": "warn", "hasGaps": true, "values": numbers(|point| point.waiting) },
    ]);
    vec![
        plot("Throughput", "tasks/s", throughput),
        plot("Run time", "ms", times),
        plot("Running and waiting", "tasks", tasks),
    ]
}
