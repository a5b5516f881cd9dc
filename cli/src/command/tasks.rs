use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, value_parser};
use futures::StreamExt;
use futures::executor::block_on;
use rhai_dispatcher::dispatcher::{InstanceDescription, ListedTask, TaskFilter};
use rhai_dispatcher::task::{InstanceId, Progress};
use rhai_dispatcher::{RhaiDispatcher, TaskStatus, WorkerId};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{ServerArgs, duration, label, unfinished_status, worker_id};
use crate::report::{Column, Console, Results, Table, age, cut, json as json_line};

/// List the tasks that wait or run
///
/// Running tasks come first, then those in quarantine, those that are ready, and those that are delayed, each the oldest
/// first. AGE is the time since the task was accepted. DELIVERY is its start count. INSTANCE is the beginning of the id of
/// the worker that runs it or ran it last, as `rhaid workers` prints it, and HOST its machine while that worker lives.
/// WHY is what the task waits for, or the error of its last try.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TasksCommand {
    /// List only tasks of this status: pending or processing; may be given more than once
    #[arg(long = "status", value_name = "STATUS", value_parser = unfinished_status)]
    statuses: Vec<TaskStatus>,

    /// List only tasks that run; the same as --status processing
    #[arg(long, conflicts_with = "statuses")]
    running: bool,

    /// List only tasks of this worker id; may be given more than once
    #[arg(long = "worker", value_name = "ID", value_parser = worker_id)]
    worker_ids: Vec<WorkerId>,

    /// List only tasks of this caller; may be given more than once
    #[arg(long = "caller", value_name = "ID", value_parser = label)]
    caller_ids: Vec<Arc<str>>,

    /// List only tasks that were accepted so long ago, or longer
    #[arg(long = "older", value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    older_than: Option<Duration>,

    /// How many tasks are listed at most
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = value_parser!(u16).range(1..=10_000),
        allow_negative_numbers = true,
    )]
    limit: u16,

    #[command(flatten)]
    server: ServerArgs,

    /// Print a line of JSON for each task: its record, and `why` and `host`
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  rhaid tasks                              what runs and waits
  rhaid tasks --running --older 10m        what may be stuck
  rhaid tasks --worker billing --json      one queue, for a program

Exit code:
  0 if the tasks are listed, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

impl TasksCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let filter = self.filter();
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let hosts = hosts(&dispatcher).await.map_err(|error| server.explain(error))?;
        let now = dispatcher.transport().clock().wall();
        let (console, limit) = (Console::detect(), usize::from(self.limit));
        let results = Results::new(console);
        let mut tasks = dispatcher.tasks(filter);
        let (mut table, mut listed, mut exit) = (table(), 0, Exit::Success);
        while let Some(task) = tasks.next().await {
            let task = task.map_err(|error| server.explain(error))?;
            if listed == limit {
                console.note(format_args!(
                    "there are more than {limit} such tasks; --limit N lists up to 10000, and --worker, --caller, \
                     --status and --older narrow the list"
                ));
                break;
            }
            listed += 1;
            let host = task.details.instance.and_then(|instance| hosts.get(&instance));
            if !self.json {
                table.row(row(&task, host, age(task.details.created_at, now)));
            } else if results.line(record(&task, host)).is_break() {
                exit = Exit::Failure;
                break;
            }
        }
        if !self.json {
            exit = results.lines(table.lines());
        }
        Ok(exit)
    }

    fn filter(&self) -> TaskFilter {
        let mut filter = TaskFilter::default();
        if self.running {
            filter = filter.with_status(TaskStatus::Processing);
        }
        filter = self.statuses.iter().fold(filter, |filter, status| filter.with_status(*status));
        filter = self.worker_ids.iter().fold(filter, |filter, id| filter.with_worker_id(id.clone()));
        filter = self.caller_ids.iter().fold(filter, |filter, id| filter.with_caller_id(Arc::clone(id)));
        match self.older_than {
            Some(age) => filter.with_older_than(age),
            None => filter,
        }
    }
}

/// The machines of the living workers.
async fn hosts(
    dispatcher: &RhaiDispatcher,
) -> Result<HashMap<InstanceId, String>, rhai_dispatcher::RhaiDispatcherError> {
    let instances = dispatcher.transport().instances(None).await?;
    let described = instances.into_iter().filter_map(|info| {
        let description: InstanceDescription = serde_json::from_str(info.description?.as_str()).ok()?;
        Some((info.instance, description.host))
    });
    Ok(described.filter(|(_, host)| !host.is_empty()).collect())
}

/// What a task waits for, or the error of its last try; empty for one that runs, or that just has others ahead of it.
fn why(task: &ListedTask) -> String {
    match &task.progress {
        Progress::Queued { .. } | Progress::Running { .. } => String::new(),
        progress => progress.to_string(),
    }
}

fn record(task: &ListedTask, host: Option<&String>) -> String {
    let mut record = json!(task.details);
    record["why"] = Some(why(task)).filter(|why| !why.is_empty()).map_or(Value::Null, Value::from);
    record["host"] = json!(host);
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

fn row(task: &ListedTask, host: Option<&String>, age: String) -> [String; 10] {
    /// The longest texts of a row, in characters: of names, and of what a task waits for.
    const MAX_NAME: usize = 32;
    const MAX_WHY: usize = 80;
    let details = &task.details;
    let method = details.method.as_ref().map(|method| method.as_str());
    let name = method.or(details.script_name.as_deref()).unwrap_or("(script)");
    [
        details.task_id.to_string(),
        details.status.to_string(),
        cut(details.worker_id.as_str(), MAX_NAME),
        cut(name, MAX_NAME),
        cut(&details.caller_id, MAX_NAME),
        age,
        details.delivery.to_string(),
        details.instance.map(|instance| instance.to_string()[..8].to_owned()).unwrap_or_default(),
        host.map(|host| cut(host, MAX_NAME)).unwrap_or_default(),
        cut(&why(task), MAX_WHY),
    ]
}
