use std::future::IntoFuture;

use futures::future::BoxFuture;

use super::task_reader::TaskReader;
use super::{ListedTask, TaskListCursor};
use crate::{ActivityFilter, Dispatcher, Error};

/// A page of a list of tasks that is to be read. Await it.
///
/// ```no_run
/// # async fn example(dispatcher: rhai_dispatcher_core::Dispatcher) -> Result<(), Box<dyn std::error::Error>> {
/// let mut page = dispatcher.task_list("caller:web".parse()?).await?;
/// while let Some(next) = page.next {
///     page = dispatcher.task_list("caller:web".parse()?).after(next).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "await it"]
pub struct TaskListRequest {
    dispatcher: Dispatcher,
    filter: ActivityFilter,
    limit: usize,
    has_ended: bool,
    after: Option<TaskListCursor>,
}

/// Some of the tasks that match a filter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskListPage {
    /// The tasks, in the order of [`Dispatcher::tasks`]; those that ran when the list began by their acceptance.
    pub tasks: Vec<ListedTask>,
    /// At how many tasks that have not ended it has looked.
    pub looked_at: usize,
    /// From where the next page continues. `None` if there is nothing more. A page that looked at
    /// [`MAX_READ`](Self::MAX_READ) tasks may have few of them, or none, and a next page all the same.
    pub next: Option<TaskListCursor>,
}

impl TaskListPage {
    /// How many tasks that have not ended a page looks at, at most. Of those that have ended, see
    /// [`ActivityPage::MAX_READ`](crate::ActivityPage::MAX_READ).
    pub const MAX_READ: usize = 2_500;
}

impl TaskListRequest {
    /// How many tasks a page has, unless [`limit`](Self::limit) says otherwise.
    pub const DEFAULT_LIMIT: usize = 100;
    /// How many tasks a page has at most.
    pub const MAX_LIMIT: usize = 10_000;

    pub(super) const fn new(dispatcher: Dispatcher, filter: ActivityFilter) -> Self {
        Self { dispatcher, filter, limit: Self::DEFAULT_LIMIT, has_ended: true, after: None }
    }

    /// Sets how many tasks the page has at most, from 1 to [`MAX_LIMIT`](Self::MAX_LIMIT); other values become the nearest
    /// of these. Default: 100.
    pub const fn limit(mut self, tasks: usize) -> Self {
        self.limit = match tasks {
            0 => 1,
            tasks if tasks > Self::MAX_LIMIT => Self::MAX_LIMIT,
            tasks => tasks,
        };
        self
    }

    /// Leaves out the tasks that have ended, whose log is not read then.
    pub const fn without_ended(mut self) -> Self {
        self.has_ended = false;
        self
    }

    /// Continues where a page has ended: with its `next`, and the same filter.
    pub fn after(mut self, cursor: impl Into<Option<TaskListCursor>>) -> Self {
        self.after = cursor.into();
        self
    }

    async fn read(self) -> Result<TaskListPage, Error> {
        let Self { dispatcher, filter, limit, has_ended, after } = self;
        let mut reader = TaskReader::new(dispatcher, filter, has_ended, after);
        let mut tasks = Vec::new();
        let looked_at = reader.read(&mut tasks, limit, TaskListPage::MAX_READ).await?;
        Ok(TaskListPage { tasks, looked_at, next: reader.cursor() })
    }
}

impl IntoFuture for TaskListRequest {
    type Output = Result<TaskListPage, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}
