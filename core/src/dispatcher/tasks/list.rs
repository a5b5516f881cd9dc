use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};

use super::{ListedTask, Listing};
use crate::{ActivityCursor, ActivityFilter, Dispatcher, Error, TaskStatus};

impl Dispatcher {
    /// Lists the tasks of all dispatchers that match a filter: those that run, then those in quarantine, those that are
    /// ready, and those that are delayed; then those that have ended, by the activity, the last one first. Of those that
    /// have not ended, the next task is that of the worker id whose next task was accepted first, and the tasks of one
    /// worker id are in the order of [`Transport::tasks`](crate::Transport::tasks).
    ///
    /// For a task that has not ended, `since`, `until` and `older` of the filter are about the time of its acceptance, and
    /// `slower` about how long it has run.
    ///
    /// The stream reads as it is polled, about 64 records for each worker id ahead, so its reader decides how many are
    /// read. A task that starts, is released or ends meanwhile may be listed twice, or not.
    ///
    /// # Errors
    /// As the last item: [`Error::Unavailable`]; [`Error::Refused`] over a transport that lists nothing.
    ///
    /// # Cancellation
    /// Dropping the stream changes nothing.
    pub fn tasks(
        &self,
        filter: ActivityFilter,
    ) -> impl Stream<Item = Result<ListedTask, Error>> + Send + Unpin + use<> {
        let ended = ended_tasks(self.clone(), &filter);
        Listing::new(Arc::clone(self.transport()), filter).into_stream().chain(ended)
    }
}

/// The tasks that have ended and match a filter, by the activity, newest first. A try that is repeated is not the end of a
/// task.
fn ended_tasks(
    dispatcher: Dispatcher,
    filter: &ActivityFilter,
) -> BoxStream<'static, Result<ListedTask, Error>> {
    let Some(filter) = filter.of_ended() else { return stream::empty().boxed() };
    let first: Option<Option<ActivityCursor>> = Some(None);
    let pages = stream::try_unfold(first, move |after| {
        let (dispatcher, filter) = (dispatcher.clone(), filter.clone());
        async move {
            let Some(after) = after else { return Ok::<_, Error>(None) };
            let page = dispatcher.activity(filter).after(after).await?;
            Ok(Some((page.entries, page.next.map(Some))))
        }
    });
    let entries = pages.map_ok(|entries| stream::iter(entries.into_iter().map(Ok))).try_flatten();
    let ended = entries.try_filter(|entry| std::future::ready(entry.status != TaskStatus::Pending));
    ended.map_ok(|entry| ListedTask::Ended(Box::new(entry))).boxed()
}
