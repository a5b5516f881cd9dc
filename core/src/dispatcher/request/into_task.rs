use std::sync::Arc;

use futures::future::BoxFuture;

use super::PlayRequestBuilder;
use crate::{Error, Invalid, Payload, Task, read_script};

/// A request whose task is made, or what has to be waited for before that.
pub(super) enum Prepared {
    /// Nothing had to be waited for, as for most requests.
    Ready(Arc<Task>),
    /// A file, the directory of methods, or the check of a script. In a box: a usual request's future has no room for it,
    /// and is moved faster.
    Waits(BoxFuture<'static, Result<Arc<Task>, Error>>),
}

impl PlayRequestBuilder {
    /// Makes the task of this request, after all checks.
    pub(super) fn prepare(mut self) -> Result<Prepared, Error> {
        if let Some(invalid) = self.fields.invalid.take() {
            return Err(invalid.into());
        }
        if self.is_incomplete() {
            return Ok(Prepared::Waits(Box::pin(self.complete_and_check())));
        }
        let dispatcher = self.dispatcher.clone();
        let task = Arc::new(self.into_complete_task()?);
        let unchecked = dispatcher.check_inline([&task.payload])?;
        if unchecked.is_empty() {
            return Ok(Prepared::Ready(task));
        }
        Ok(Prepared::Waits(Box::pin(async move {
            dispatcher.check_elsewhere(unchecked).await?;
            Ok(task)
        })))
    }

    /// The task of this request, after all but the check of its payload.
    pub(super) async fn into_unchecked_task(mut self) -> Result<Task, Error> {
        if let Some(invalid) = self.fields.invalid.take() {
            return Err(invalid.into());
        }
        if self.is_incomplete() {
            Box::pin(self.complete()).await?;
        }
        self.into_complete_task()
    }

    async fn complete_and_check(mut self) -> Result<Arc<Task>, Error> {
        self.complete().await?;
        let dispatcher = self.dispatcher.clone();
        let task = Arc::new(self.into_complete_task()?);
        dispatcher.check_elsewhere(dispatcher.check_inline([&task.payload])?).await?;
        Ok(task)
    }

    /// Whether something of it is still to be looked up.
    fn is_incomplete(&self) -> bool {
        let fields = &self.fields;
        fields.script_path.is_some() || (fields.worker_id.is_none() && fields.method.is_some())
    }

    /// Finds the queue of a method, and reads the file of a script.
    async fn complete(&mut self) -> Result<(), Error> {
        let fields = &mut self.fields;
        if let (None, Some(method)) = (&fields.worker_id, &fields.method) {
            fields.worker_id = Some(self.dispatcher.worker_id_of(method).await?);
        }
        if fields.script.is_some() || fields.method.is_some() {
            return Ok(());
        }
        let Some(path) = fields.script_path.take() else { return Ok(()) };
        let refuse = |problem: String| {
            let problem = format!("{}: {problem}", path.display());
            Invalid::new("script_path", problem, "give the path of a readable file with a script")
        };
        let (from, max) = (path.clone(), self.dispatcher.config().max_script_bytes);
        // A read of a network disk may take seconds.
        let read = self.dispatcher.blocking(move || read_script(&from, max)).await;
        let read = read.map_err(|error| refuse(error.to_string()))?;
        fields.script = Some(read.map_err(|error| refuse(error.to_string()))?);
        fields.script_name.get_or_insert_with(|| path.display().to_string().into());
        Ok(())
    }

    /// The task of a request of which nothing is to be looked up.
    fn into_complete_task(mut self) -> Result<Task, Error> {
        let worker_id =
            self.fields.worker_id.take().ok_or_else(|| {
                Invalid::new("worker_id", "is missing", "name the queue with worker_id(...)")
            })?;
        let payload = self.payload()?;
        let fields = &mut *self.fields;
        if payload.method().is_none() {
            fields.args.check_of_script()?;
        }
        let config = self.dispatcher.config();
        let task_id = fields.task_id.unwrap_or_else(|| self.dispatcher.transport().new_task_id(&worker_id));
        let mut task = Task::new(worker_id, payload, Arc::clone(&config.caller_id));
        task.id = task_id;
        if !fields.args.is_empty() {
            task.args = fields.args.to_json()?;
            let hint = "make them smaller, or raise max_args_bytes of the dispatcher";
            check_size("args", task.args.as_str().len(), config.max_args_bytes, hint)?;
        }
        task.context_id = fields.context_id.take();
        task.request_id = fields.request_id.take();
        if let Some(parent) = fields.parent {
            task.parent = Some(parent.id);
            task.depth = parent.depth + 1;
            task.deadline_in = parent.deadline.map(|deadline| deadline - self.dispatcher.clock().now());
        }
        if let Some(deadline_in) = fields.deadline_in {
            task.ends_within(deadline_in);
        }
        if let Some(deadline) = fields.withdrawn_by {
            task.ends_within(deadline - self.dispatcher.clock().now());
        }
        task.awaited = fields.awaited;
        task.priority = fields.priority;
        task.delay = fields.delay;
        task.expires_in = fields.expires_in;
        task.retry = fields.retry;
        task.limits = fields.limits.take();
        task.trace = fields.trace.take().or_else(|| fields.inherited_trace.take());
        Ok(task)
    }

    fn payload(&mut self) -> Result<Payload, Invalid> {
        let max = self.dispatcher.config().max_script_bytes;
        let fields = &mut *self.fields;
        if let Some(method) = fields.method.take() {
            return match fields.script.is_some() || fields.script_path.is_some() {
                false => Ok(Payload::Call { method }),
                true => Err(Invalid::new("method", "is given beside a script", "give one of them")),
            };
        }
        match (fields.script.take(), fields.script_path.is_some()) {
            (Some(source), false) => {
                let hint = "make it smaller, or raise max_script_bytes of the dispatcher";
                check_size("script", source.len(), max, hint)?;
                Ok(Payload::Script { source, name: fields.script_name.take() })
            }
            (Some(_), true) => Err(Invalid::new(
                "script",
                "is given twice, by script and by script_path",
                "give one of them",
            )),
            (None, _) => {
                Err(Invalid::new("script", "is missing", "give script(...), script_path(...) or method(...)"))
            }
        }
    }
}

fn check_size(field: &'static str, bytes: usize, max: usize, hint: &'static str) -> Result<(), Invalid> {
    if bytes > max {
        return Err(Invalid::new(field, format!("has {bytes} bytes, and the limit is {max}"), hint));
    }
    Ok(())
}
