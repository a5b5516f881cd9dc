use std::future::Future;
use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use rhai_dispatcher::task::RunState;
use rhai_dispatcher::{RhaiDispatcherError, RhaiTaskDetails, TaskId, TaskStatus};
use tokio::time::timeout;

use super::following::Following;
use super::view::TaskView;
use crate::dashboard::frame::{LivePage, PageError, Section, Shell, Visit, live};

#[derive(Debug, Template)]
#[template(path = "task.html")]
struct Page {
    shell: Shell,
    view: TaskView,
}

#[derive(Debug, Template)]
#[template(path = "task_live.html")]
struct Part<'a> {
    shell: &'a Shell,
    view: &'a TaskView,
}

#[derive(Debug)]
struct TaskPage {
    id: TaskId,
    /// What it has told since the page is kept current.
    following: Option<Following>,
}

/// How many children are shown.
const MAX_CHILDREN: usize = 25;

/// `GET /tasks/{id}`
pub(in crate::dashboard) async fn task(visit: Visit, Path(id): Path<String>) -> Result<Response, PageError> {
    let id = task_id(&id)?;
    let following = visit.wants_events.then(|| Following::new(visit.dispatcher(), id));
    live(visit, TaskPage { id, following }).await
}

/// The id of a task in a path.
pub(in crate::dashboard) fn task_id(text: &str) -> Result<TaskId, PageError> {
    text.parse().map_err(|invalid: rhai_dispatcher::Invalid| {
        PageError::bad(invalid.to_string(), "The list of tasks has the ids.")
    })
}

/// The record of a task that the caller may see. Otherwise it is not known.
pub(in crate::dashboard) async fn read_visible(
    visit: &Visit,
    id: TaskId,
) -> Result<RhaiTaskDetails, PageError> {
    let details = visit.dispatcher().status(id).await?;
    match visit.identity.as_ref().is_some_and(|identity| identity.sees(&details)) {
        true => Ok(details),
        false => Err(RhaiDispatcherError::NotFound(id).into()),
    }
}

impl LivePage for TaskPage {
    type View = TaskView;

    async fn read(&mut self, visit: &Visit) -> Result<TaskView, PageError> {
        let details = read_visible(visit, self.id).await?;
        let dispatcher = visit.dispatcher();
        let (mut state, mut progress) = (None, None);
        match details.status {
            TaskStatus::Processing => state = state_of(visit, self.id).await,
            TaskStatus::Pending => progress = Some(dispatcher.progress(self.id).await?.to_string()),
            _ => {}
        }
        let children = &details.children[..details.children.len().min(MAX_CHILDREN)];
        let mut children: Vec<_> =
            dispatcher.transport().summaries(children).await?.into_iter().flatten().collect();
        // A task may dispatch to worker ids that the caller may not see.
        children.retain(|child| {
            visit.identity.as_ref().is_some_and(|who| who.sees_task_of(&child.worker_id, &child.caller_id))
        });
        let now = dispatcher.transport().clock().wall();
        Ok(TaskView::new(visit, now, details, state, progress, &children, self.following.as_ref()))
    }

    fn shell(&self, visit: &Visit, view: &TaskView) -> Shell {
        Shell::new(visit, Section::Tasks, view.title.clone())
    }

    fn page(shell: Shell, view: TaskView) -> impl Template {
        Page { shell, view }
    }

    fn part<'a>(shell: &'a Shell, view: &'a TaskView) -> impl Template + 'a {
        Part { shell, view }
    }

    fn is_over(view: &TaskView) -> bool {
        view.is_over
    }

    fn changed(&mut self) -> impl Future<Output = ()> + Send {
        /// How often a task is asked where it is.
        const PERIOD: Duration = Duration::from_secs(1);
        async {
            match &mut self.following {
                Some(following) => following.next(PERIOD).await,
                None => tokio::time::sleep(PERIOD).await,
            }
        }
    }
}

/// Where the task is; none if its worker does not say so soon enough.
async fn state_of(visit: &Visit, id: TaskId) -> Option<RunState> {
    /// A page is not kept waiting by a worker that is busy or gone.
    const MAX_WAIT: Duration = Duration::from_millis(120);
    timeout(MAX_WAIT, visit.dispatcher().inspect(id)).await.ok()?.ok()
}
