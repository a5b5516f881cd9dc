use std::time::Duration;

use futures::future::try_join_all;

use super::Dispatcher;
use crate::discovery::{Directory, ambiguous, not_a_handler, unserved};
use crate::{Error, HandlerStatus, MethodName, TaskDetails, TaskId, WorkerId};

/// How old a read may be that a call finds its method in.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// A method that is not in such a read is looked for in a new one.
const NEW: Duration = Duration::ZERO;

impl Dispatcher {
    /// The handlers of the living instances, by worker id and name, with the figures of their methods. Two worker ids
    /// with a handler of one name have an entry each. If calls were counted that have no figures of their own, an entry
    /// named `*` has them.
    ///
    /// A new instance is listed when it has reported, which it does at its start; a dead one until its lease is over
    /// (2.5 s). Figures are at most a third of a lease behind.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn get_handlers(&self) -> Result<Vec<HandlerStatus>, Error> {
        let directory = Directory::of(self.transport().instances(None).await?);
        self.handlers_of(&directory, directory.worker_ids()).await
    }

    /// The handler of that name.
    ///
    /// # Errors
    /// [`Error::Invalid`] if no living worker id has one, or several have; [`Error::Unavailable`].
    pub async fn get_handler(&self, name: &str) -> Result<HandlerStatus, Error> {
        let mut found = self.get_handlers().await?;
        found.retain(|handler| handler.name == name);
        match found.len() {
            0 => Err(not_a_handler(name, "a living worker").into()),
            1 => Ok(found.remove(0)),
            _ => {
                let ids: Vec<_> = found.iter().map(|handler| handler.worker_id.as_str().into()).collect();
                Err(ambiguous(name, &ids).into())
            }
        }
    }

    /// The handler of that name of one worker id.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the worker id has none; [`Error::Unavailable`].
    pub async fn get_handler_of(&self, worker_id: &WorkerId, name: &str) -> Result<HandlerStatus, Error> {
        let directory = Directory::of(self.transport().instances(Some(worker_id)).await?);
        let found = self.handlers_of(&directory, vec![worker_id.clone()]).await?;
        let found = found.into_iter().find(|handler| handler.name == name);
        found.ok_or_else(|| not_a_handler(name, &format!("worker id `{worker_id}`")).into())
    }

    /// The stored request and response of a call; the same as [`status`](Self::status).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn get_rpc(&self, id: TaskId) -> Result<TaskDetails, Error> {
        self.status(id).await
    }

    /// The worker id that a call of `method` without a worker id goes to; `None` if no living instance has announced the
    /// method. Announcements that are at most 1 s old are taken, and a method that is not among them is looked for again.
    ///
    /// # Errors
    /// [`Error::Invalid`] if several worker ids have it; [`Error::Unavailable`].
    pub async fn find_worker(&self, method: &MethodName) -> Result<Option<WorkerId>, Error> {
        self.find_worker_among(method, |_| true).await
    }

    /// The same, of the worker ids that `among` holds for: others are as if they had no instance.
    ///
    /// # Errors
    /// Those of [`find_worker`](Self::find_worker).
    pub async fn find_worker_among(
        &self,
        method: &MethodName,
        among: impl Fn(&WorkerId) -> bool,
    ) -> Result<Option<WorkerId>, Error> {
        for newest in [SHARED_FOR, NEW] {
            let directory = self.directory_read(newest).await?;
            if let Some(worker_id) = directory.find(method, &among)? {
                return Ok(Some(worker_id.clone()));
            }
        }
        Ok(None)
    }

    /// A method of the living instances whose name is near to that of an unknown one, and for which `among` holds on one of
    /// its worker ids: the one that may have been meant.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn nearest_method(
        &self,
        unknown: &MethodName,
        among: impl Fn(&MethodName, &WorkerId) -> bool,
    ) -> Result<Option<String>, Error> {
        let directory = self.directory_read(SHARED_FOR).await?;
        Ok(directory.nearest(unknown, among).map(str::to_owned))
    }

    /// The worker id of a call without one.
    ///
    /// # Errors
    /// Those of [`find_worker`](Self::find_worker), and [`Error::Invalid`] if no living instance has the method.
    pub(super) async fn worker_id_of(&self, method: &MethodName) -> Result<WorkerId, Error> {
        if let Some(worker_id) = self.find_worker(method).await? {
            return Ok(worker_id);
        }
        // What was read just now.
        let directory = self.directory_read(SHARED_FOR).await?;
        Err(unserved(method, directory.nearest(method, |_, _| true)).into())
    }

    async fn handlers_of(
        &self,
        directory: &Directory,
        worker_ids: Vec<WorkerId>,
    ) -> Result<Vec<HandlerStatus>, Error> {
        let read = |worker_id: WorkerId| async move {
            let figures = self.transport().figures(&worker_id).await?;
            Ok::<_, Error>(directory.handlers(&worker_id, &figures))
        };
        Ok(try_join_all(worker_ids.into_iter().map(read)).await?.concat())
    }
}
