use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use rhai_dispatcher::WorkerId;
use rhai_dispatcher::dispatcher::MethodStatus;
use rhai_dispatcher::task::MethodName;

use super::figures_view::FiguresView;
use super::method_form::{FieldKind, FormView, params_of};
use crate::audit::to_its_end;
use crate::dashboard::frame::{PageError, Section, Shell, Visit, plain_text, render};
use crate::dashboard::pages::started::Started;
use crate::dashboard::text::Excerpt;
use crate::http::Form;

#[derive(Debug, Template)]
#[template(path = "method.html")]
struct Page {
    shell: Shell,
    name: String,
    worker_id: String,
    /// The handler, if its name has one.
    handler: Option<String>,
    about: String,
    forms: Vec<FormView>,
    /// How many forms are not shown.
    more_forms: usize,
    schema: Option<Excerpt>,
    figures: FiguresView,
    can_call: bool,
}

/// As many bytes its description and its schema take.
const MAX_BYTES: usize = 16 * 1024;

/// `GET /methods/{worker_id}/{name}`
pub(in crate::dashboard) async fn method(
    visit: Visit,
    Path((worker_id, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (worker_id, name) = names(&worker_id, &name)?;
    let found = find(&visit, &worker_id, &name).await?;
    let now = visit.dispatcher().transport().clock().wall();
    let forms = FormView::all(&found.info.forms);
    let schema = found.info.schema.as_ref().and_then(|schema| schema.to::<serde_json::Value>().ok());
    render(&Page {
        shell: Shell::new(&visit, Section::Handlers, name.to_string()),
        handler: name.as_str().rsplit_once('.').map(|(handler, _)| handler.to_owned()),
        name: name.to_string(),
        worker_id: worker_id.to_string(),
        about: Excerpt::of(&found.info.description, MAX_BYTES).text,
        more_forms: found.info.forms.len() - forms.len(),
        forms,
        schema: schema
            .and_then(|schema| serde_json::to_string_pretty(&schema).ok())
            .map(|text| Excerpt::of(&text, MAX_BYTES)),
        figures: FiguresView::new(&found.figures, now),
        can_call: visit.scope().is_some_and(|scope| scope.allows_method(&name)),
    })
}

/// `GET /methods/{worker_id}/{name}/schema`: the schema as plain text, as the worker announces it.
pub(in crate::dashboard) async fn schema(
    visit: Visit,
    Path((worker_id, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (worker_id, name) = names(&worker_id, &name)?;
    let found = find(&visit, &worker_id, &name).await?;
    let schema = found.info.schema.ok_or_else(|| {
        PageError::not_found(&format!("{name} has no schema."), "The page of the method has its description.")
    })?;
    Ok(plain_text(schema.to_string()))
}

/// `POST /methods/{worker_id}/{name}`: calls the method. The answer follows its task.
pub(in crate::dashboard) async fn call(
    visit: Visit,
    Path((worker_id, name)): Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let (worker_id, name) = names(&worker_id, &name)?;
    if !visit.scope().is_some_and(|scope| scope.allows_method(&name)) {
        return Err(PageError::forbidden(format!("The token does not allow to call {name}.")));
    }
    let found = find(&visit, &worker_id, &name).await?;
    let number =
        fields.iter().find(|(name, _)| name == "variant").and_then(|(_, text)| text.parse::<usize>().ok());
    let form = found.info.forms.get(number.unwrap_or(0)).ok_or_else(|| {
        PageError::bad("The method has changed since this page was read.", "Load the page again.")
    })?;
    let params = params_of(form, &fields)?;
    let request = visit.dispatcher().call(name.as_str()).worker_id(worker_id.as_str()).params(params);
    to_its_end(&visit.core.clone(), async move {
        let id = request.submit().await?;
        if visit.core.config.audit_calls {
            visit.audit("call", id.to_string(), Some(name.to_string())).await;
        }
        Started::response(&visit, id)
    })
    .await
}

fn names(worker_id: &str, name: &str) -> Result<(WorkerId, MethodName), PageError> {
    let bad = |invalid: rhai_dispatcher::Invalid| {
        PageError::bad(invalid.to_string(), "The list of handlers has all methods.")
    };
    Ok((WorkerId::try_from(worker_id).map_err(bad)?, MethodName::try_from(name).map_err(bad)?))
}

/// The method, if the caller may know of it.
async fn find(visit: &Visit, worker_id: &WorkerId, name: &MethodName) -> Result<MethodStatus, PageError> {
    let unknown = || {
        PageError::not_found(
            &format!("No living worker of {worker_id} has a method {name}."),
            "Its worker may have ended. The list of handlers has all that there are.",
        )
    };
    let sees = visit.scope().is_some_and(|scope| scope.allows_worker(worker_id) && scope.sees_method(name));
    if !sees {
        return Err(unknown());
    }
    let all = visit.dispatcher().get_handlers().await?;
    let own = all.into_iter().filter(|handler| handler.worker_id == *worker_id);
    own.flat_map(|handler| handler.methods).find(|method| method.info.name == *name).ok_or_else(unknown)
}
