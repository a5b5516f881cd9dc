use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::ListedTask;
use crate::{ActivityCursor, ActivityFilter, Dispatcher, Error, TaskStatus};

/// The tasks that have ended and match a filter, by the activity, newest first. A try that is repeated is not the end of a
/// task.
pub(in crate::dispatcher) fn ended_tasks(
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
