use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::ListedTask;
use crate::{
    ActivityEntry, ActivityFilter, Error, Progress, QueueInfo, QueuePart, TaskCursor, TaskDetails, TaskId,
    TaskStatus, Transport, WallTime,
};

/// The tasks that have not ended and match a filter, part by part of their queues, merged over worker ids.
///
/// It holds a bounded number of records at a time, and reads no more than the reader of the stream asks for.
pub(super) struct Listing {
    transport: Arc<dyn Transport>,
    filter: Arc<ActivityFilter>,
    /// The queues that may have such tasks; none before the first read.
    queues: Option<Vec<Arc<QueueInfo>>>,
    /// The parts that are left, the next one first.
    parts: VecDeque<QueuePart>,
    /// What is left of the current part, of each worker id that has tasks there.
    sources: Vec<Source>,
}

/// What is left of a part of one queue.
struct Source {
    transport: Arc<dyn Transport>,
    filter: Arc<ActivityFilter>,
    queue: Arc<QueueInfo>,
    part: QueuePart,
    /// From where on ids are read; none after the last.
    from: Option<TaskCursor>,
    /// Ids whose records are not read yet.
    ids: VecDeque<TaskId>,
    /// Records that match.
    found: VecDeque<TaskDetails>,
}

/// How many ids are read at once, and how many records: as many as a page of a terminal has.
const IDS: NonZeroUsize = NonZeroUsize::new(256).unwrap();
const RECORDS: usize = 64;

/// How many records all queues together have read ahead, unless there are so many queues that 4 each are more.
const MAX_AHEAD: usize = 1_024;

/// How many queues are read side by side.
const SIDE_BY_SIDE: usize = 8;

impl Listing {
    pub(super) fn new(transport: Arc<dyn Transport>, filter: ActivityFilter) -> Self {
        let mut parts = VecDeque::new();
        if filter.has_status(TaskStatus::Processing) {
            parts.push_back(QueuePart::Running);
        }
        if filter.has_status(TaskStatus::Pending) {
            parts.extend([QueuePart::Quarantined, QueuePart::Ready, QueuePart::Delayed]);
        }
        Self { transport, filter: Arc::new(filter), queues: None, parts, sources: Vec::new() }
    }

    /// The tasks. After an error it ends.
    pub(super) fn into_stream(self) -> BoxStream<'static, Result<ListedTask, Error>> {
        let next = |mut listing: Self| async move {
            let next = listing.next().await?;
            Ok(next.map(|task| (task, listing)))
        };
        stream::try_unfold(self, next).boxed()
    }

    async fn next(&mut self) -> Result<Option<ListedTask>, Error> {
        loop {
            self.fill().await?;
            // Of the next tasks of all worker ids the one that was accepted first.
            let first = self.sources.iter_mut().filter(|source| !source.found.is_empty());
            let first = first.min_by_key(|source| source.found.front().map(|details| details.created_at));
            if let Some(source) = first
                && let Some(details) = source.found.pop_front()
            {
                let progress = Progress::of(&details, Some(&source.queue), self.transport.clock().wall());
                return Ok(Some(ListedTask::Unfinished { details: Box::new(details), progress }));
            }
            let Some(part) = self.parts.pop_front() else { return Ok(None) };
            let queues = match self.queues.take() {
                Some(queues) => queues,
                None => self.read_queues().await?,
            };
            self.sources = queues.iter().map(|queue| self.source(queue, part)).collect();
            self.queues = Some(queues);
        }
    }

    /// The queues of the worker ids that the filter names, or all. Each is there once: over `memory:` one queue serves
    /// every worker id.
    async fn read_queues(&self) -> Result<Vec<Arc<QueueInfo>>, Error> {
        let mut queues = match self.filter.worker_ids() {
            [] => self.transport.queues().await?,
            worker_ids => {
                let reads: Vec<_> =
                    worker_ids.iter().map(|worker_id| self.transport.queue(worker_id)).collect();
                stream::iter(reads).buffer_unordered(SIDE_BY_SIDE).try_collect().await?
            }
        };
        queues.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        queues.dedup_by(|a, b| a.worker_id == b.worker_id);
        Ok(queues.into_iter().map(Arc::new).collect())
    }

    fn source(&self, queue: &Arc<QueueInfo>, part: QueuePart) -> Source {
        Source {
            transport: Arc::clone(&self.transport),
            filter: Arc::clone(&self.filter),
            queue: Arc::clone(queue),
            part,
            from: Some(part.into()),
            ids: VecDeque::new(),
            found: VecDeque::new(),
        }
    }

    /// Reads on for each worker id of which no record is there, until one is or it has no more.
    async fn fill(&mut self) -> Result<(), Error> {
        let records = RECORDS.min(MAX_AHEAD / self.sources.len().max(1)).max(4);
        let sources = std::mem::take(&mut self.sources);
        let (empty, mut filled): (Vec<_>, Vec<_>) =
            sources.into_iter().partition(|source| source.found.is_empty());
        let reads: Vec<_> = empty.into_iter().map(|source| source.fill(records).boxed()).collect();
        let mut reads = stream::iter(reads).buffer_unordered(SIDE_BY_SIDE);
        while let Some(source) = reads.try_next().await? {
            if !source.found.is_empty() {
                filled.push(source);
            }
        }
        self.sources = filled;
        Ok(())
    }
}

impl Source {
    async fn fill(mut self, records: usize) -> Result<Self, Error> {
        while self.found.is_empty() {
            if self.ids.is_empty() {
                let Some(from) = self.from.take() else { break };
                let page = self.transport.tasks(&self.queue.worker_id, &from, IDS).await?;
                (self.ids, self.from) = (page.ids.into(), page.next);
                continue;
            }
            let ids: Vec<_> = self.ids.drain(..records.min(self.ids.len())).collect();
            let records = self.transport.details(&ids).await?;
            let now = self.transport.clock().wall();
            let found = records.into_iter().flatten().filter(|details| self.lists(details, now)).collect();
            self.found = found;
        }
        Ok(self)
    }

    /// Whether this part lists a task. One that has been released since comes with those that wait; one that has started
    /// since was not among those that run.
    fn lists(&self, details: &TaskDetails, now: WallTime) -> bool {
        let has_left = self.part == QueuePart::Running && details.status != TaskStatus::Processing;
        !has_left
            && !details.status.is_terminal()
            && self.filter.matches(&ActivityEntry::of_unfinished(details, now), now)
    }
}
