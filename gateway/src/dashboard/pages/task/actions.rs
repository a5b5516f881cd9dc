use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use rhai_dispatcher::task::Cancelled;
use rhai_dispatcher::{RhaiDispatcherError, RhaiTaskDetails};

use super::page::{read_visible, task_id};
use crate::audit::to_its_end;
use crate::auth::Access;
use crate::dashboard::frame::{Notice, PageError, Visit};

/// `POST /tasks/{id}/cancel`
pub(in crate::dashboard) async fn cancel(
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = task_id(&id)?;
    read_visible(&visit, id).await?;
    let cancelled = to_its_end(&visit.core.clone(), async move {
        let cancelled = visit.dispatcher().cancel(id).await?;
        visit.audit("task.cancel", id.to_string(), Some(cancelled.to_string())).await;
        Ok::<_, PageError>(cancelled)
    })
    .await?;
    let text = match cancelled {
        Cancelled::Removed => "The task was cancelled before it started.",
        Cancelled::Requested => "The cancel was sent to the worker; the task ends at its next step.",
        Cancelled::AlreadyFinished => "The task had ended before.",
        _ => return Err(RhaiDispatcherError::NotFound(id).into()),
    };
    Notice::new(text).response(StatusCode::OK)
}

/// `POST /tasks/{id}/run`: runs it again as a new task, and goes there.
pub(in crate::dashboard) async fn run_again(
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = task_id(&id)?;
    let details = read_visible(&visit, id).await?;
    check_may_run(&visit, &details)?;
    let new = to_its_end(&visit.core.clone(), async move {
        let new = visit.dispatcher().resubmit(id).await?;
        visit.audit("task.run_again", id.to_string(), Some(new.to_string())).await;
        Ok::<_, PageError>(new)
    })
    .await?;
    Ok(Notice::go_to(&format!("tasks/{new}")))
}

/// A script needs the right to run scripts, and a call that to call its method.
fn check_may_run(visit: &Visit, details: &RhaiTaskDetails) -> Result<(), PageError> {
    let allowed = match &details.method {
        Some(method) => visit.scope().is_some_and(|scope| scope.allows_method(method)),
        None => visit.allows(Access::Scripts),
    };
    match allowed {
        true => Ok(()),
        false => Err(PageError::forbidden("The token does not allow to run this task.")),
    }
}
