use std::future::IntoFuture;

use futures::future::BoxFuture;

use super::log_reader::{LogReader, Looked};
use super::{ActivityCursor, ActivityPage, ErrorGroups};
use crate::{ActivityEntry, ActivityFilter, ActivityWatch, Dispatcher, Error, Invalid, WorkerId};

/// A page of the activity that is to be read. Await it.
///
/// ```no_run
/// # async fn example(dispatcher: rhai_dispatcher_core::Dispatcher) -> Result<(), Box<dyn std::error::Error>> {
/// let mut page = dispatcher.activity("status:error since:1h".parse()?).await?;
/// while let Some(next) = page.next {
///     page = dispatcher.activity("status:error since:1h".parse()?).after(next).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct ActivityRequest {
    dispatcher: Dispatcher,
    filter: ActivityFilter,
    limit: usize,
    look_at: usize,
    after: Option<ActivityCursor>,
}

impl ActivityRequest {
    /// How many entries a page has, unless [`limit`](Self::limit) says otherwise.
    pub const DEFAULT_LIMIT: usize = 100;
    /// How many entries a page has at most.
    pub const MAX_LIMIT: usize = 10_000;

    /// Sets how many entries the page has at most, from 1 to [`MAX_LIMIT`](Self::MAX_LIMIT); other values become the
    /// nearest of these. Default: 100.
    pub const fn limit(mut self, entries: usize) -> Self {
        self.limit = match entries {
            0 => 1,
            entries if entries > Self::MAX_LIMIT => Self::MAX_LIMIT,
            entries => entries,
        };
        self
    }

    /// Sets how many entries the page looks at for those that match, from 1 to
    /// [`ErrorGroups::MAX_READ`](crate::ErrorGroups::MAX_READ); other values become the nearest of these. Default:
    /// [`ActivityPage::MAX_READ`]. One page that looks at many is read sooner than several that look at few: what a page has
    /// read beyond its last entry is read again for the next one.
    pub fn look_at(mut self, entries: usize) -> Self {
        self.look_at = entries.clamp(1, ErrorGroups::MAX_READ);
        self
    }

    /// Continues where a page has ended: with its `next`.
    pub fn after(mut self, cursor: impl Into<Option<ActivityCursor>>) -> Self {
        self.after = cursor.into();
        self
    }

    async fn read(self) -> Result<ActivityPage, Error> {
        let Self { dispatcher, filter, limit, look_at, after } = self;
        if filter.is_for_running() {
            let problem = "the activity has no tasks that are processing";
            return Err(Invalid::new(
                "filter",
                problem,
                "list those with `tasks`, or leave status:processing out",
            )
            .into());
        }
        let mut reader = LogReader::new(dispatcher.transport(), &filter, after.as_ref()).await?;
        let mut entries = Vec::new();
        let mut count = 0;
        while entries.len() < limit && count < look_at {
            let Some(looked) = reader.next().await? else {
                return Ok(ActivityPage::new(entries, None));
            };
            count += 1;
            if let Looked::Matching(entry) = looked {
                entries.push(*entry);
            }
        }
        Ok(ActivityPage::new(entries, reader.cursor()))
    }
}

impl IntoFuture for ActivityRequest {
    type Output = Result<ActivityPage, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

impl Dispatcher {
    /// Reads how tasks have ended that match a filter, over all worker ids or those of the filter, newest first. Await the
    /// request; its [`limit`](ActivityRequest::limit) is 100 entries.
    ///
    /// A worker sends what has ended within 250 ms. One that dies before does not: the activity is a log to look at, and the
    /// record of a task is the truth about it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn activity(&self, filter: ActivityFilter) -> ActivityRequest {
        ActivityRequest {
            dispatcher: self.clone(),
            filter,
            limit: ActivityRequest::DEFAULT_LIMIT,
            look_at: ActivityPage::MAX_READ,
            after: None,
        }
    }

    /// The last 100 entries of the activity, over all worker ids, newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn get_latest_activity(&self) -> Result<Vec<ActivityEntry>, Error> {
        Ok(self.activity(ActivityFilter::new()).await?.entries)
    }

    /// Watches how tasks of a worker id end, from now on. The stream has each new entry, and
    /// [`Lost`](crate::ActivityNews::Lost) if the reader was slow; it ends when it is dropped. It does not end while the
    /// store is away.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn watch_activity(&self, worker_id: &WorkerId) -> Result<ActivityWatch, Error> {
        Ok(self.transport().watch_activity(worker_id).await?)
    }
}
