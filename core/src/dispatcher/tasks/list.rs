use std::collections::VecDeque;

use futures::Stream;
use futures::stream::{self, StreamExt};

use super::task_reader::TaskReader;
use super::{ListedTask, TaskListRequest};
use crate::{ActivityFilter, Dispatcher, Error};

/// How many tasks that match are read ahead.
const AHEAD: usize = 64;

impl Dispatcher {
    /// Lists the tasks of all dispatchers that match a filter, to the last one.
    ///
    /// First come those that run. The others follow in the order in which a task moves: those in quarantine, those that are
    /// delayed, those that are ready, and those that have started since the list began; then those that have ended, by the
    /// activity, the last one first. So a task that waits, starts or ends while the list is read is listed all the same, and
    /// once, as far as 100,000 tasks before it are remembered. One that goes back meanwhile, since its try failed or its
    /// worker has died, may be missing; and a worker logs what has ended within 250 ms.
    ///
    /// Within each of these the worker ids come by name, and the tasks of one in the order of
    /// [`Transport::tasks`](crate::Transport::tasks). For a task that has not ended, `since`, `until` and `older` of the
    /// filter are about the time of its acceptance, and `slower` about how long it has run. With `task:ID` the records of
    /// these tasks are read, and no list.
    ///
    /// The stream reads as it is polled, until it has found 64 more tasks: with a filter that few tasks match, the time to
    /// its next item has no bound. [`task_list`](Self::task_list) has one.
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
        let reader = TaskReader::new(self.clone(), filter, true, None);
        let next = |(mut reader, mut found): (TaskReader, VecDeque<ListedTask>)| async move {
            while found.is_empty() && !reader.is_over() {
                let mut tasks = Vec::new();
                reader.read(&mut tasks, AHEAD, usize::MAX).await?;
                found = tasks.into();
            }
            Ok(found.pop_front().map(|task| (task, (reader, found))))
        };
        stream::try_unfold((reader, VecDeque::new()), next).boxed()
    }

    /// Reads a page of the same list. Await the request; its [`limit`](TaskListRequest::limit) is 100 tasks.
    ///
    /// A page looks at [`MAX_READ`](super::TaskListPage::MAX_READ) tasks at most, so that one whose filter matches few of many
    /// takes no longer than others. Between two pages nothing is remembered: a task that moves then may be listed twice.
    ///
    /// # Errors
    /// As [`tasks`](Self::tasks).
    pub fn task_list(&self, filter: ActivityFilter) -> TaskListRequest {
        TaskListRequest::new(self.clone(), filter)
    }
}
