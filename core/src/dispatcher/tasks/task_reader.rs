use std::sync::Arc;

use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::known_ids::KnownIds;
use super::pass::Pass;
use super::queue_pages::QueuePages;
use super::task_list_cursor::{Place, UnfinishedPlace};
use super::{ListedTask, TaskListCursor};
use crate::{
    ActivityCursor, ActivityEntry, ActivityFilter, Dispatcher, Error, Invalid, Progress, QueueInfo, TaskId,
    TaskPage, TaskStatus, TaskSummary, Transport, WallTime,
};

/// Reads a list of tasks, as much of it as it is asked for.
pub(super) struct TaskReader {
    dispatcher: Dispatcher,
    filter: ActivityFilter,
    /// The same for those that have ended; none if they are left out.
    ended: Option<ActivityFilter>,
    passes: &'static [Pass],
    /// The queues that may have such tasks, by name; empty before the first of them is read.
    queues: Vec<Arc<QueueInfo>>,
    at: At,
    /// When the list began, by the transport's clock; none before its first answer.
    begun: Option<WallTime>,
    known: KnownIds,
}

/// What is read next.
enum At {
    /// The tasks that the filter names, or the first pass.
    Begin,
    /// Where a list was left.
    Resume(UnfinishedPlace),
    Queues(QueuesPlace),
    Ended(Option<ActivityCursor>),
    Over,
}

/// A place among the tasks that have not ended, by numbers of passes and queues.
struct QueuesPlace {
    pass: usize,
    queue: usize,
    /// The beginning of the page, and the last task of it that was looked at.
    from: Option<Arc<str>>,
    after: Option<TaskId>,
}

/// How many queues are read side by side.
const SIDE_BY_SIDE: usize = 8;
/// How many summaries are read at once.
const SUMMARIES: usize = 256;
/// How many such reads there are at a time.
const READS_AHEAD: usize = 2;

impl TaskReader {
    pub(super) fn new(
        dispatcher: Dispatcher,
        filter: ActivityFilter,
        has_ended: bool,
        after: Option<TaskListCursor>,
    ) -> Self {
        let at = match after {
            None => At::Begin,
            Some(TaskListCursor(Place::Unfinished(place))) => At::Resume(place),
            Some(TaskListCursor(Place::Ended(after))) => At::Ended(after),
        };
        let begun = if let At::Resume(place) = &at { Some(place.begun) } else { None };
        Self {
            dispatcher,
            ended: filter.of_ended().filter(|_| has_ended),
            passes: Pass::all_for(&filter),
            filter,
            queues: Vec::new(),
            at,
            begun,
            known: KnownIds::default(),
        }
    }

    /// Adds tasks until there are `limit` of them, or `max_read` tasks that have not ended were looked at, or so many that
    /// have ended as a page of the activity looks at. At how many it has looked that have not ended.
    pub(super) async fn read(
        &mut self,
        tasks: &mut Vec<ListedTask>,
        limit: usize,
        max_read: usize,
    ) -> Result<usize, Error> {
        let (mut looked_at, mut calls, mut running) = (0, 0, 0);
        while tasks.len() < limit && looked_at + calls < max_read {
            match std::mem::replace(&mut self.at, At::Over) {
                At::Begin => self.begin(tasks).await?,
                At::Resume(place) => self.at = self.resume(place).await?,
                At::Queues(place) => {
                    let is_first = self.passes.get(place.pass) == Some(&Pass::Running);
                    // More at once where most are looked at in vain, or all are wanted; and as many as may have been read before
                    // the list was left, so that the task at which it was left is among them.
                    let is_long = looked_at > 0 || limit - tasks.len() > SUMMARIES || place.after.is_some();
                    let most = if is_long { TaskPage::MAX_IDS } else { SUMMARIES };
                    let ids = (max_read - looked_at - calls).min(most);
                    let (found, read) = self.read_queues(place, tasks, limit, ids).await?;
                    (looked_at, calls) = (looked_at + found, calls + read);
                    running = if is_first { tasks.len() } else { running };
                }
                At::Ended(after) => {
                    if !self.read_ended(after, tasks, limit).await? {
                        break;
                    }
                }
                At::Over => break,
            }
        }
        // The transport has them in no order.
        tasks[..running].sort_by_key(ListedTask::time);
        self.skip_empty();
        Ok(looked_at)
    }

    /// Goes to where there may be more tasks.
    fn skip_empty(&mut self) {
        while let At::Queues(place) = &self.at
            && self.passes.get(place.pass).is_none_or(|pass| self.group(*pass, place.queue, 1).is_empty())
        {
            self.at = self.place_at(place.pass + 1, 0);
        }
        if self.ended.is_none() && matches!(self.at, At::Ended(_)) {
            self.at = At::Over;
        }
    }

    /// Whether there is nothing more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.at, At::Over)
    }

    /// Where it continues; none if there is nothing more.
    pub(super) fn cursor(self) -> Option<TaskListCursor> {
        let place = match self.at {
            At::Over | At::Begin => return None,
            At::Resume(place) => Place::Unfinished(place),
            At::Ended(after) => Place::Ended(after),
            At::Queues(place) => match (self.passes.get(place.pass), self.queues.get(place.queue)) {
                (Some(pass), Some(queue)) => Place::Unfinished(UnfinishedPlace {
                    begun: self.begun.unwrap_or(WallTime::from_millis(0)),
                    pass: *pass,
                    worker_id: queue.worker_id.clone(),
                    after: place.after,
                    from: place.from,
                }),
                _ => return None,
            },
        };
        Some(TaskListCursor(place))
    }

    fn transport(&self) -> &Arc<dyn Transport> {
        self.dispatcher.transport()
    }

    /// Reads the tasks that the filter names: of these there are as many as a filter has room for. Or goes to the first pass.
    async fn begin(&mut self, tasks: &mut Vec<ListedTask>) -> Result<(), Error> {
        let mut named = self.filter.tasks().to_vec();
        if named.is_empty() {
            self.queues = self.read_queue_infos().await?;
            self.at = self.place_at(0, 0);
            return Ok(());
        }
        named.sort_unstable();
        named.dedup();
        let summaries = self.transport().summaries(&named).await?;
        let now = self.transport().clock().wall();
        // The log may know of one whose record is gone.
        let is_complete = summaries.iter().all(Option::is_some);
        for summary in summaries.into_iter().flatten() {
            let queue = self.transport().queue(&summary.worker_id).await?;
            tasks.extend(self.listed(summary, &queue, now));
        }
        self.at = if is_complete { At::Over } else { At::Ended(None) };
        Ok(())
    }

    async fn resume(&mut self, place: UnfinishedPlace) -> Result<At, Error> {
        let Some(pass) = self.passes.iter().position(|pass| *pass == place.pass) else {
            let hint = "pass the cursor with the filter of the page before, or begin anew";
            return Err(Invalid::new("cursor", "it is of a list with another filter", hint).into());
        };
        self.queues = self.read_queue_infos().await?;
        let queue = self.queues.partition_point(|queue| queue.worker_id < place.worker_id);
        let is_there = self.queues.get(queue).is_some_and(|queue| queue.worker_id == place.worker_id);
        Ok(match is_there {
            true => At::Queues(QueuesPlace { pass, queue, from: place.from, after: place.after }),
            false => self.place_at(pass, queue),
        })
    }

    /// The queues of the worker ids that the filter names, or all. Each is there once: over `memory:` one queue serves
    /// every worker id.
    async fn read_queue_infos(&self) -> Result<Vec<Arc<QueueInfo>>, Error> {
        let mut queues = match self.filter.worker_ids() {
            _ if self.passes.is_empty() => Vec::new(),
            [] => self.transport().queues().await?,
            worker_ids => {
                let reads: Vec<_> =
                    worker_ids.iter().map(|worker_id| self.transport().queue(worker_id)).collect();
                stream::iter(reads).buffer_unordered(SIDE_BY_SIDE).try_collect().await?
            }
        };
        queues.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        queues.dedup_by(|a, b| a.worker_id == b.worker_id);
        Ok(queues.into_iter().map(Arc::new).collect())
    }

    /// The beginning of a queue in a pass, or of what comes after the passes.
    fn place_at(&self, pass: usize, queue: usize) -> At {
        match pass < self.passes.len() {
            true => At::Queues(QueuesPlace { pass, queue, from: None, after: None }),
            false => At::Ended(None),
        }
    }

    /// Looks at some of the tasks from a place on. At how many it has looked, and by how many calls.
    async fn read_queues(
        &mut self,
        place: QueuesPlace,
        tasks: &mut Vec<ListedTask>,
        limit: usize,
        ids: usize,
    ) -> Result<(usize, usize), Error> {
        let (pass, number) = (self.passes[place.pass], place.pass);
        let group = self.group(pass, place.queue, ids);
        let Some(first) = group.first() else {
            self.at = self.place_at(number + 1, 0);
            return Ok((0, 0));
        };
        // A queue that the list was left in may hold nothing by now.
        let (from, after) = if *first == place.queue { (place.from, place.after) } else { (None, None) };
        let reads = group.iter().enumerate().map(|(index, queue)| {
            let from = if index == 0 { from.clone() } else { None };
            let queue_info = Arc::clone(&self.queues[*queue]);
            QueuePages::read(self.transport(), queue_info, *queue, pass.part(), from, ids)
        });
        let pages = QueuePages::new(try_join_all(reads).await?, after);
        let now = pages.now();
        let begun = *self.begun.get_or_insert(now);
        let (transport, ids) = (Arc::clone(self.transport()), pages.ids());
        // The store reads some while those before are parsed and looked at.
        let reads: Vec<_> = ids.chunks(SUMMARIES).map(|ids| transport.summaries(ids)).collect();
        let mut reads = stream::iter(reads).buffered(READS_AHEAD);
        let (mut looked_at, mut found) = (0, pages.tasks());
        while let Some(summaries) = reads.try_next().await? {
            for (summary, (page, id)) in summaries.into_iter().zip(found.by_ref()) {
                looked_at += 1;
                let Some(summary) = summary else { continue };
                // The first pass had it, or it was listed where it waited.
                let is_old = pass == Pass::Started
                    && summary.status == TaskStatus::Processing
                    && summary.started_at.is_none_or(|at| at < begun);
                tasks.extend(self.listed(summary, &page.queue, now).filter(|_| !is_old));
                if tasks.len() == limit {
                    let from = page.from.clone();
                    let place = QueuesPlace { pass: number, queue: page.number, from, after: Some(id) };
                    self.at = At::Queues(place);
                    return Ok((looked_at, group.len()));
                }
            }
        }
        drop(found);
        let (queue, from) = pages.next();
        self.at = At::Queues(QueuesPlace { pass: number, queue, from, after: None });
        Ok((looked_at, group.len()))
    }

    /// The next queues of a pass that may have tasks, with about as many as are to be looked at.
    fn group(&self, pass: Pass, first: usize, ids: usize) -> Vec<usize> {
        let queues = self.queues.iter().enumerate().skip(first);
        let mut expected = 0;
        let room = queues.filter(|(_, queue)| pass.may_find(queue)).take_while(|(_, queue)| {
            let is_first = expected == 0;
            expected += pass.count(queue).max(1);
            is_first || expected <= ids
        });
        room.map(|(number, _)| number).take(SIDE_BY_SIDE).collect()
    }

    /// The task as it is listed, if it matches and was not listed before. One that has ended since it was found may not be
    /// in the log yet.
    fn listed(&mut self, summary: TaskSummary, queue: &QueueInfo, now: WallTime) -> Option<ListedTask> {
        if self.known.contains(summary.task_id) {
            return None;
        }
        let task = if summary.status.is_terminal() {
            let entry = ActivityEntry::of_ended(&summary);
            let matches = self.ended.as_ref().is_some_and(|filter| filter.matches(&entry, now));
            matches.then(|| ListedTask::Ended(Box::new(entry)))?
        } else {
            let matches = self.filter.matches(&ActivityEntry::of_unfinished(&summary, now), now);
            let progress = matches.then(|| Progress::of(&summary, Some(queue), now))?;
            ListedTask::Unfinished { summary: Box::new(summary), progress }
        };
        self.known.insert(task.task_id());
        Some(task)
    }

    /// Reads a page of the tasks that have ended. Whether it is worth while to continue: a page that found less than it was
    /// asked for has looked at as many as it may. A try that is repeated is not the end of a task.
    async fn read_ended(
        &mut self,
        after: Option<ActivityCursor>,
        tasks: &mut Vec<ListedTask>,
        limit: usize,
    ) -> Result<bool, Error> {
        let Some(filter) = self.ended.clone() else { return Ok(true) };
        let asked = limit - tasks.len();
        let page = self.dispatcher.activity(filter).limit(asked).after(after).await?;
        let is_cut = page.entries.len() < asked && page.next.is_some();
        for entry in page.entries {
            if entry.status != TaskStatus::Pending && !self.known.contains(entry.task_id) {
                self.known.insert(entry.task_id);
                tasks.push(ListedTask::Ended(Box::new(entry)));
            }
        }
        self.at = page.next.map_or(At::Over, |next| At::Ended(Some(next)));
        Ok(!is_cut)
    }
}
