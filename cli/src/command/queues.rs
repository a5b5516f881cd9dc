use clap::Args;
use futures::executor::block_on;
use rhai_dispatcher::Priority;
use rhai_dispatcher::transport::{QueueInfo, WallTime};
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::ServerArgs;
use crate::report::{Column, Console, Results, Table, age};

/// List the queues that hold tasks, are served or are paused
///
/// HIGH, NORMAL and LOW count the ready tasks by priority, and OLDEST is the time since the first of them was accepted.
/// DELAYED counts tasks whose start time is in the future.
/// QUARANTINED counts tasks that may have killed their worker; they start in small groups. CLAIMED counts the tasks
/// that workers hold. WORKERS counts the workers that serve the queue. STATE is open, paused (no worker claims from it), or
/// not served: no worker of that id lives, so its tasks wait until one starts. A worker id that was misspelt shows so.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct QueuesCommand {
    #[command(flatten)]
    server: ServerArgs,

    /// Print a line of JSON for each queue
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Exit code:
  0 if the queues are listed, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

impl QueuesCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        let queues = dispatcher.transport().queues().await.map_err(|error| server.explain(error))?;
        let results = Results::new(Console::detect());
        Ok(if self.json {
            results.lines(queues.iter().map(|queue| record(queue).to_string()))
        } else {
            results.lines(table(&queues, dispatcher.transport().clock().wall()).lines())
        })
    }
}

/// A queue as JSON, its ready tasks by the names of the priorities.
fn record(queue: &QueueInfo) -> Value {
    let mut record = json!(queue);
    let ready = Priority::ALL.into_iter().map(Priority::as_str).zip(queue.ready.map(Value::from));
    record["ready"] = ready.map(|(name, count)| (name.to_owned(), count)).collect();
    record
}

fn table(queues: &[QueueInfo], now: WallTime) -> Table<10> {
    use Column::{Number, Text};
    let mut table = Table::new([
        Text("WORKER"),
        Number("HIGH"),
        Number("NORMAL"),
        Number("LOW"),
        Number("OLDEST"),
        Number("DELAYED"),
        Number("QUARANTINED"),
        Number("CLAIMED"),
        Number("WORKERS"),
        Text("STATE"),
    ]);
    for queue in queues {
        let [high, normal, low] = queue.ready.map(|count| count.to_string());
        table.row([
            queue.worker_id.to_string(),
            high,
            normal,
            low,
            queue.oldest_ready.map(|oldest| age(oldest, now)).unwrap_or_default(),
            queue.delayed.to_string(),
            queue.quarantined.to_string(),
            queue.claimed.to_string(),
            queue.instances.to_string(),
            state(queue).to_owned(),
        ]);
    }
    table
}

const fn state(queue: &QueueInfo) -> &'static str {
    match (queue.paused, queue.instances) {
        (true, 0) => "paused, not served",
        (true, _) => "paused",
        (false, 0) => "not served",
        (false, _) => "open",
    }
}
