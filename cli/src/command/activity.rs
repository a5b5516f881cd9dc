use std::collections::BTreeSet;

use clap::{Args, value_parser};
use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use rhai_dispatcher::activity::{ActivityEntry, ActivityFilter, ActivityNews};
use rhai_dispatcher::{RhaiDispatcher, WorkerId};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::{FILTER_HELP, FilterArgs, ServerArgs};
use crate::report::{ActivityTable, Console, Results, activity_line, json};
use crate::server::Server;

/// List how tasks have ended, the last one first
///
/// Each worker id has a log of its last ends: 10,000 at most, for 24 h after the last. A try that failed and is repeated
/// is an entry with the status pending. RAN is the time from the start to the end, WAITED the time before the start.
///
/// A worker logs what has ended within 250 ms. `rhaid status ID` has the record of a task.
#[derive(Debug, Args)]
#[command(after_help = help())]
pub(crate) struct ActivityCommand {
    #[command(flatten)]
    filter: FilterArgs,

    /// Tasks that ended in an error; short for status:error
    #[arg(long)]
    failed: bool,

    /// How many entries are listed at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u16).range(1..=10_000), allow_negative_numbers = true)]
    limit: u16,

    /// List them the other way round, and then continue with new ones until Ctrl-C
    ///
    /// Of the worker ids that the filter names, or else of all that are in use when the command begins.
    #[arg(long)]
    follow: bool,

    #[command(flatten)]
    server: ServerArgs,

    /// Print a line of JSON for each entry
    #[arg(long)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  rhaid activity --failed --since 1h
  rhaid activity worker:billing slower:2s --limit 50
  rhaid activity --follow handler:shop.prices

Exit code:
  0 if the entries are listed, 2 if the command line is wrong, 3 if the server can't be reached or refuses";

fn help() -> String {
    format!("{FILTER_HELP}\n\n{EXAMPLES}")
}

impl ActivityCommand {
    pub(crate) fn execute(self) -> Result<Exit, CommandError> {
        block_on(self.run())
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let filter = self.filter.filter(if self.failed { &["status:error"] } else { &[] })?;
        let server = self.server.server()?;
        let dispatcher = server.connect().await?;
        // Before the page is read, so that no entry is missing between both.
        let news = match self.follow {
            true => Some(watch_all(&dispatcher, &filter, &server).await?),
            false => None,
        };
        let entries = read(&dispatcher, &filter, usize::from(self.limit), &server).await?;
        let results = Results::new(Console::detect());
        let Some(news) = news else {
            return Ok(match self.json {
                true => results.lines(entries.iter().map(json_of)),
                false => results.lines(ActivityTable::new(&entries).lines()),
            });
        };
        let shown = |entry: &ActivityEntry| if self.json { json_of(entry) } else { activity_line(entry) };
        for entry in entries.iter().rev() {
            if results.line(shown(entry)).is_break() {
                return Ok(Exit::Failure);
            }
        }
        // What was logged between the watch and the read is in both.
        let mut is_known: BTreeSet<_> =
            entries.iter().map(|entry| (entry.task_id, entry.delivery, entry.status.as_str())).collect();
        let mut news = std::pin::pin!(news);
        while let Some(next) = news.next().await {
            match next {
                ActivityNews::Entry(entry)
                    if is_known.remove(&(entry.task_id, entry.delivery, entry.status.as_str())) => {}
                ActivityNews::Entry(entry) => {
                    let is_shown = filter.matches(&entry, entry.ended_at);
                    if is_shown && results.line(shown(&entry)).is_break() {
                        return Ok(Exit::Failure);
                    }
                }
                ActivityNews::Lost(count) => {
                    Console::detect().note(format_args!("[{count} entries are left out here]"));
                }
                _ => {}
            }
        }
        Ok(Exit::Success)
    }
}

/// The last entries that match, at most `limit`.
async fn read(
    dispatcher: &RhaiDispatcher,
    filter: &ActivityFilter,
    limit: usize,
    server: &Server,
) -> Result<Vec<ActivityEntry>, CommandError> {
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let page = dispatcher.activity(filter.clone()).limit(limit - entries.len()).after(after);
        let page = page.await.map_err(|error| server.explain(error))?;
        entries.extend(page.entries);
        if entries.len() == limit || page.next.is_none() {
            return Ok(entries);
        }
        after = page.next;
    }
}

/// What ends from now on, of the worker ids of a filter or else of all that are in use.
async fn watch_all(
    dispatcher: &RhaiDispatcher,
    filter: &ActivityFilter,
    server: &Server,
) -> Result<impl futures::Stream<Item = ActivityNews> + use<>, CommandError> {
    let transport = dispatcher.transport();
    let mut ids: BTreeSet<WorkerId> = filter.worker_ids().iter().cloned().collect();
    if ids.is_empty() {
        ids.extend(transport.active_worker_ids().await.map_err(|error| server.explain(error))?);
        let queues = transport.queues().await.map_err(|error| server.explain(error))?;
        ids.extend(queues.into_iter().map(|queue| queue.worker_id));
    }
    if ids.is_empty() {
        let problem = "no worker id is in use yet; name those to follow, such as worker:billing";
        return Err(CommandError::usage("--follow", problem));
    }
    let mut watches = Vec::with_capacity(ids.len());
    for id in ids {
        watches.push(dispatcher.watch_activity(&id).await.map_err(|error| server.explain(error))?);
    }
    Ok(stream::select_all(watches))
}

fn json_of(entry: &ActivityEntry) -> String {
    json(entry)
}
