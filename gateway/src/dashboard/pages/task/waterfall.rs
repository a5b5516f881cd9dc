use std::time::Duration;

use rhai_dispatcher::RhaiTaskDetails;
use rhai_dispatcher::task::TaskSummary;
use rhai_dispatcher::transport::WallTime;

use crate::dashboard::text::{Excerpt, span};

/// When a task and the tasks that it dispatched waited and ran, on one scale.
#[derive(Debug)]
pub(super) struct Waterfall {
    pub(super) rows: Vec<Row>,
    /// Of the drawing of each row, in its units.
    pub(super) width: f64,
    pub(super) length: String,
    /// How many tasks are not shown.
    pub(super) more: usize,
}

/// A task.
#[derive(Debug)]
pub(super) struct Row {
    /// From the root; none of the task itself.
    pub(super) path: Option<String>,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) text: String,
    /// Where it was accepted, and how long it waited and ran, in the units of the drawing.
    pub(super) x: f64,
    pub(super) queue_width: f64,
    pub(super) run_x: f64,
    pub(super) run_width: f64,
}

/// The length of the scale.
const WIDTH: f64 = 460.0;
/// A bar that is thinner can't be seen.
const MIN_BAR: f64 = 4.0;
/// Characters of a name.
const NAME: usize = 20;

impl Waterfall {
    /// `children` are those of its tasks that are shown.
    pub(super) fn new(details: &RhaiTaskDetails, children: &[TaskSummary], now: WallTime) -> Self {
        let task = TaskSummary::from(details);
        let all = || std::iter::once(&task).chain(children);
        let end = |task: &TaskSummary| if task.status.is_terminal() { task.updated_at } else { now };
        let first = all().map(|task| task.created_at).min().unwrap_or(now);
        let last = all().map(end).max().unwrap_or(now);
        let length = (last - first).max(Duration::from_millis(1));
        let place = |at: WallTime| (at - first).as_secs_f64() / length.as_secs_f64() * WIDTH;
        let rows = all().enumerate().map(|(number, task)| {
            let (accepted, ended) = (place(task.created_at), place(end(task)));
            let started = task.started_at.map_or(ended, |at| place(at).clamp(accepted, ended));
            let name = task.method.as_ref().map(|method| method.as_str());
            let name = name.or(task.script_name.as_deref()).unwrap_or("script");
            Row {
                path: (number > 0).then(|| format!("tasks/{}", task.task_id)),
                name: Excerpt::line(name, NAME),
                status: task.status.as_str(),
                text: format!("{}, {}", task.status, span(end(task) - task.created_at)),
                x: accepted,
                queue_width: started - accepted,
                run_x: started,
                run_width: (ended - started).max(MIN_BAR),
            }
        });
        Self {
            rows: rows.collect(),
            width: WIDTH + MIN_BAR,
            length: span(length),
            more: details.children.len().saturating_sub(children.len()),
        }
    }
}
