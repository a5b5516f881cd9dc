use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use futures::executor::block_on;
use rhai_dispatcher::activity::ActivityFilter;
use rhai_dispatcher::dispatcher::{InstanceDescription, ListedTask, TaskListCursor};
use rhai_dispatcher::task::{InstanceId, Progress, TaskSummary};
use rhai_dispatcher::transport::{TransportError, WallTime};
use rhai_dispatcher::{RhaiDispatcher, TaskStatus, WorkerId};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{FILTER_HELP, FilterArgs, ServerArgs, duration, label, status, worker_id};
use crate::report::{Column, Console, Results, Table, age, cut, json as json_line};

/// List the tasks that run, wait and have ended
///
/// Running tasks come first, the oldest in front, then those in quarantine, those that are delayed, and those that are ready,
/// by worker id; then those that have ended, the last one first. AGE is the time since the task was accepted, or since it ended.
/// DELIVERY is its start count. INSTANCE is the beginning of the id of the worker that runs it or ran it last, as
/// `rhaid workers` prints it, and HOST its machine while that worker lives. WHY is what the task waits for, how long it
/// has run or why it runs again, the error of its last try, or why it was cancelled. `rhaid status ID` says what a running task does now.
///
/// For tasks that have not ended, --older, --since and until: are about the time of their acceptance, and slower: about
/// how long they have run. What has ended is in the log that `rhaid activity` reads.
#[derive(Debug, Args)]
#[command(after_help = help())]
pub(crate) struct TasksCommand {
    #[command(flatten)]
    filter: FilterArgs,

    /// Tasks of this status: pending, processing, completed, error or cancelled; may be given more than once
    #[arg(long = "status", value_name = "STATUS", value_parser = status)]
    statuses: Vec<TaskStatus>,

    /// Tasks that run; short for status:processing
    #[arg(long, conflicts_with = "statuses")]
    running: bool,

    /// Tasks of this worker id; may be given more than once
    #[arg(long = "worker", value_name = "ID", value_parser = worker_id)]
    worker_ids: Vec<WorkerId>,

    /// Tasks of this caller; may be given more than once
    #[arg(long = "caller", value_name = "ID", value_parser = label)]
    caller_ids: Vec<Arc<str>>,

    /// Tasks that were accepted, or ended, so long ago or earlier
    #[arg(long, value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    older: Option<Duration>,

    /// How many tasks are listed at most
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = value_parser!(u16).range(1..=10_000),
        allow_negative_numbers = true,
    )]
    limit: u16,

    /// Continue a list: with the place that the last note of `rhaid tasks` has, and the same filter
    ///
    /// One list looks at 20,000 tasks that have not ended, and at 200,000 that have.
    #[arg(long, value_name = "PLACE")]
    after: Option<TaskListCursor>,

    #[command(flatten)]
    server: ServerArgs,

    /// Print a line of JSON for each task: what is known of it without its texts, or the entry of `rhaid activity` if it has ended, with `why` and
    /// `host`
    #[arg(long)]
    pub(crate) json: bool,
}

/// How many pages of a list are read to find as many tasks as are wanted.
const MAX_PAGES: usize = 8;

const EXAMPLES: &str = "\
Examples:
  rhaid tasks                              what runs and waits, and what has ended
  rhaid tasks --running --older 10m        what may be stuck
  rhaid tasks status:pending worker:billing
  rhaid tasks method:billing.charge --status error --json
  rhaid tasks --caller web --limit 1000

Exit code:
  0 if the tasks are listed, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

fn help() -> String {
    format!("{FILTER_HELP}\n\n{EXAMPLES}")
}

impl TasksCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let filter = self.filter()?;
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let hosts = hosts(&dispatcher).await.map_err(|error| server.explain(error))?;
        let now = dispatcher.transport().clock().wall();
        let (console, limit) = (Console::detect(), usize::from(self.limit));
        let results = Results::new(console);
        let (mut table, mut listed, mut looked_at, mut after) = (table(), 0, 0, self.after);
        for _ in 0..MAX_PAGES {
            let request = dispatcher.task_list(filter.clone()).limit(limit - listed).after(after);
            let page = request.await.map_err(|error| server.explain(error))?;
            (listed, looked_at) = (listed + page.tasks.len(), looked_at + page.looked_at);
            for task in page.tasks {
                if !self.json {
                    table.row(row(&task, &hosts, now));
                } else if results.line(record(&task, &hosts, now)).is_break() {
                    return Ok(Exit::Failure);
                }
            }
            after = page.next;
            if after.is_none() || listed >= limit {
                break;
            }
        }
        let exit = if self.json { Exit::Success } else { results.lines(table.lines()) };
        match after {
            Some(after) if listed >= limit => console.note(format_args!(
                "there may be more than {limit} such tasks; --limit N lists up to 10000, a filter narrows the list, and \
                 --after {after} continues it"
            )),
            Some(after) => console.note(format_args!(
                "{listed} tasks were found among {looked_at} that have not ended and those that have ended last; there \
                 are more to look at: --after {after} continues, and worker:ID or since:1h narrows the list"
            )),
            None => {}
        }
        Ok(exit)
    }

    fn filter(&self) -> Result<ActivityFilter, CommandError> {
        let quoted = |field: &str, value: &str| {
            format!("{field}:\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        };
        let running = self.running.then_some(TaskStatus::Processing);
        let statuses = self.statuses.iter().copied().chain(running);
        let mut words: Vec<String> = statuses.map(|status| format!("status:{status}")).collect();
        words.extend(self.worker_ids.iter().map(|id| format!("worker:{id}")));
        words.extend(self.caller_ids.iter().map(|id| quoted("caller", id)));
        let older = self.older.map(|older| humantime::format_duration(older).to_string());
        words.extend(older.map(|older| quoted("older", &older)));
        self.filter.filter(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// The machines of living workers.
type Hosts = HashMap<InstanceId, String>;

/// Reads the machines of the living workers.
async fn hosts(dispatcher: &RhaiDispatcher) -> Result<Hosts, TransportError> {
    let instances = dispatcher.transport().instances(None).await?;
    let described = instances.into_iter().filter_map(|info| {
        let description: InstanceDescription = serde_json::from_str(info.description?.as_str()).ok()?;
        Some((info.instance, description.host))
    });
    Ok(described.filter(|(_, host)| !host.is_empty()).collect())
}

/// What a task waits for, how long it has run or why it runs again, the error of its last try, or why it was cancelled; empty
/// for one that has completed, or just has others ahead of it.
fn why(task: &ListedTask, now: WallTime) -> String {
    match task {
        ListedTask::Unfinished { progress: Progress::Running { since, .. }, summary } => {
            let again = lost_starts(summary).map(|cause| format!("runs again: {cause}"));
            let ran = || since.map(|since| format!("has run for {}", age(since, now)));
            again.or_else(ran).unwrap_or_default()
        }
        ListedTask::Unfinished { progress: Progress::Queued { .. }, summary } => {
            let lost = lost_starts(summary);
            lost.map(|cause| format!("is to run again: {cause}")).unwrap_or_default()
        }
        ListedTask::Unfinished { progress, .. } => progress.to_string(),
        ListedTask::Ended(entry) => match (&entry.error, entry.cancel_reason) {
            (Some(error), _) => format!("{}: {}", error.kind, error.message),
            (None, Some(reason)) => reason.to_string(),
            (None, None) => String::new(),
        },
        _ => String::new(),
    }
}

/// Why a task that had no outcome starts again, if it does.
fn lost_starts(task: &TaskSummary) -> Option<String> {
    // Each retry ends a start in an error.
    let ended = task.attempt + u32::from(task.status == TaskStatus::Processing);
    match task.deaths {
        0 if task.delivery <= ended => None,
        0 => Some("an earlier start was lost with its worker process".to_owned()),
        1 => Some("1 worker died with it or gave it up".to_owned()),
        deaths => Some(format!("{deaths} workers died with it or gave it up")),
    }
}

fn record(task: &ListedTask, hosts: &Hosts, now: WallTime) -> String {
    let (mut record, instance) = match task {
        ListedTask::Unfinished { summary, .. } => (json!(summary), summary.instance),
        ListedTask::Ended(entry) => (json!(entry), entry.instance),
        _ => return json_line(&json!({ "taskId": task.task_id() })),
    };
    record["why"] = Some(why(task, now)).filter(|why| !why.is_empty()).map_or(Value::Null, Value::from);
    record["host"] = json!(instance.and_then(|instance| hosts.get(&instance)));
    json_line(&record)
}

fn table() -> Table<10> {
    use Column::{Number, Text};
    Table::new([
        Text("ID"),
        Text("STATUS"),
        Text("WORKER"),
        Text("NAME"),
        Text("CALLER"),
        Number("AGE"),
        Number("DELIVERY"),
        Text("INSTANCE"),
        Text("HOST"),
        Text("WHY"),
    ])
}

fn row(task: &ListedTask, hosts: &Hosts, now: WallTime) -> [String; 10] {
    /// The longest texts of a row, in characters: of names, and of what a task waits for.
    const MAX_NAME: usize = 32;
    const MAX_WHY: usize = 80;
    // What both have, under one name.
    macro_rules! row {
        ($task:expr, $since:expr) => {{
            let method = $task.method.as_ref().map(|method| method.as_str());
            let name = method.or($task.script_name.as_deref()).unwrap_or("(script)");
            [
                $task.task_id.to_string(),
                $task.status.to_string(),
                cut($task.worker_id.as_str(), MAX_NAME),
                cut(name, MAX_NAME),
                cut(&$task.caller_id, MAX_NAME),
                age($since, now),
                $task.delivery.to_string(),
                $task.instance.map(|instance| instance.to_string()[..8].to_owned()).unwrap_or_default(),
                $task
                    .instance
                    .and_then(|instance| hosts.get(&instance))
                    .map(|host| cut(host, MAX_NAME))
                    .unwrap_or_default(),
                cut(&why(task, now), MAX_WHY),
            ]
        }};
    }
    match task {
        ListedTask::Unfinished { summary, .. } => row!(summary, summary.created_at),
        ListedTask::Ended(entry) => row!(entry, entry.ended_at),
        _ => std::array::from_fn(|_| String::new()),
    }
}
