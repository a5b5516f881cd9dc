use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::{QueueInfo, QueuePart, TaskCursor, TaskId, TaskPage, Transport, TransportError, WallTime};

/// A page of the ids of one queue.
pub(super) struct QueuePage {
    pub(super) queue: Arc<QueueInfo>,
    /// The number of the queue.
    pub(super) number: usize,
    /// Where it begins.
    pub(super) from: Option<Arc<str>>,
    page: TaskPage,
}

/// Pages of queues that follow each other.
pub(super) struct QueuePages(Vec<QueuePage>);

impl QueuePages {
    pub(super) async fn read(
        transport: &Arc<dyn Transport>,
        queue: Arc<QueueInfo>,
        number: usize,
        part: QueuePart,
        from: Option<Arc<str>>,
        ids: usize,
    ) -> Result<QueuePage, TransportError> {
        let cursor = match &from {
            Some(place) => TaskCursor::after(part, Arc::clone(place)),
            None => part.into(),
        };
        let ids = NonZeroUsize::new(ids).unwrap_or(NonZeroUsize::MIN);
        let page = transport.tasks(&queue.worker_id, &cursor, ids).await?;
        Ok(QueuePage { queue, number, from, page })
    }

    /// Takes pages up to the first one whose queue has more. Of the first page what comes behind `after`; all of it if that
    /// task has left.
    pub(super) fn new(mut pages: Vec<QueuePage>, after: Option<TaskId>) -> Self {
        let complete = pages.iter().take_while(|page| page.page.next.is_none()).count();
        pages.truncate(complete + 1);
        if let (Some(first), Some(after)) = (pages.first_mut(), after)
            && let Some(index) = first.page.ids.iter().position(|id| *id == after)
        {
            first.page.ids.drain(..=index);
        }
        Self(pages)
    }

    /// When the first of them was read.
    pub(super) fn now(&self) -> WallTime {
        self.0.iter().map(|page| page.page.now).min().unwrap_or(WallTime::from_millis(0))
    }

    pub(super) fn ids(&self) -> Vec<TaskId> {
        self.tasks().map(|(_, id)| id).collect()
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = (&QueuePage, TaskId)> {
        self.0.iter().flat_map(|page| page.page.ids.iter().map(move |id| (page, *id)))
    }

    /// The number of the queue that comes next, and where it continues.
    pub(super) fn next(self) -> (usize, Option<Arc<str>>) {
        let last = self.0.into_iter().next_back();
        last.map_or((0, None), |last| match last.page.next {
            Some(next) => (last.number, next.place().map(Arc::from)),
            None => (last.number + 1, None),
        })
    }
}
