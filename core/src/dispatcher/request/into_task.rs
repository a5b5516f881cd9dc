use std::sync::Arc;

use super::PlayRequestBuilder;
use crate::{Error, Invalid, Payload, Task, read_script};

impl PlayRequestBuilder {
    /// The task of this request, after all checks.
    pub(super) async fn into_task(self) -> Result<Task, Error> {
        let dispatcher = self.dispatcher.clone();
        let task = self.into_unchecked_task().await?;
        dispatcher.check([&task.payload]).await?;
        Ok(task)
    }

    /// The task of this request, before its payload is checked.
    pub(super) async fn into_unchecked_task(mut self) -> Result<Task, Error> {
        if let Some(invalid) = self.fields.invalid.take() {
            return Err(invalid.into());
        }
        let worker_id = match (self.fields.worker_id.take(), &self.fields.method) {
            (Some(worker_id), _) => worker_id,
            (None, Some(method)) => self.dispatcher.worker_id_of(method).await?,
            (None, None) => {
                return Err(
                    Invalid::new("worker_id", "is missing", "name the queue with worker_id(...)").into()
                );
            }
        };
        let payload = self.payload().await?;
        if payload.method().is_none() {
            self.fields.args.check_of_script()?;
        }
        let config = self.dispatcher.config();
        let mut task = Task::new(worker_id, payload, Arc::clone(&config.caller_id));
        if let Some(task_id) = self.fields.task_id {
            task.id = task_id;
        }
        if !self.fields.args.is_empty() {
            task.args = self.fields.args.to_json()?;
            let hint = "make them smaller, or raise max_args_bytes of the dispatcher";
            check_size("args", task.args.as_str().len(), config.max_args_bytes, hint)?;
        }
        task.context_id = self.fields.context_id;
        task.request_id = self.fields.request_id;
        if let Some(parent) = self.fields.parent {
            task.parent = Some(parent.id);
            task.depth = parent.depth + 1;
            task.deadline_in = parent.deadline.map(|deadline| deadline - self.dispatcher.clock().now());
        }
        if let Some(deadline_in) = self.fields.deadline_in {
            task.ends_within(deadline_in);
        }
        task.priority = self.fields.priority;
        task.delay = self.fields.delay;
        task.expires_in = self.fields.expires_in;
        task.retry = self.fields.retry;
        task.limits = self.fields.limits;
        task.trace = self.fields.trace.or(self.fields.inherited_trace);
        Ok(task)
    }

    async fn payload(&self) -> Result<Payload, Invalid> {
        let max = self.dispatcher.config().max_script_bytes;
        if let Some(method) = &self.fields.method {
            return match self.fields.script.is_some() || self.fields.script_path.is_some() {
                false => Ok(Payload::Call { method: method.clone() }),
                true => Err(Invalid::new("method", "is given beside a script", "give one of them")),
            };
        }
        match (&self.fields.script, &self.fields.script_path) {
            (Some(script), None) => {
                let hint = "make it smaller, or raise max_script_bytes of the dispatcher";
                check_size("script", script.len(), max, hint)?;
                Ok(Payload::Script { source: Arc::clone(script), name: self.fields.script_name.clone() })
            }
            (None, Some(path)) => {
                let name = self.fields.script_name.clone();
                let name = name.unwrap_or_else(|| path.display().to_string().into());
                let refuse = |problem: String| {
                    let problem = format!("{}: {problem}", path.display());
                    Invalid::new("script_path", problem, "give the path of a readable file with a script")
                };
                let from = path.clone();
                // A read of a network disk may take seconds.
                let read = self.dispatcher.blocking(move || read_script(&from, max)).await;
                let read = read.map_err(|error| refuse(error.to_string()))?;
                let source = read.map_err(|error| refuse(error.to_string()))?;
                Ok(Payload::Script { source, name: Some(name) })
            }
            (None, None) => {
                Err(Invalid::new("script", "is missing", "give script(...), script_path(...) or method(...)"))
            }
            (Some(_), Some(_)) => Err(Invalid::new(
                "script",
                "is given twice, by script and by script_path",
                "give one of them",
            )),
        }
    }
}

fn check_size(field: &'static str, bytes: usize, max: usize, hint: &'static str) -> Result<(), Invalid> {
    if bytes > max {
        return Err(Invalid::new(field, format!("has {bytes} bytes, and the limit is {max}"), hint));
    }
    Ok(())
}
