use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use rhai_dispatcher::WorkerId;
use serde::Deserialize;

use super::started::Started;
use super::task::{read_visible, task_id};
use crate::audit::to_its_end;
use crate::dashboard::frame::{PageError, Section, Shell, Visit, render};
use crate::dashboard::text::html_bytes;
use crate::http::Form;

/// What the editor begins with.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Begin {
    /// The task whose script it is.
    task: Option<String>,
}

/// A script that is to run.
#[derive(Deserialize)]
pub(in crate::dashboard) struct Script {
    script: String,
    worker_id: String,
    #[serde(default)]
    args: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Template)]
#[template(path = "playground.html")]
struct Page {
    shell: Shell,
    script: String,
    args: String,
    name: String,
    worker_id: String,
    worker_ids: Vec<String>,
    /// The task that it comes from.
    task: Option<String>,
}

/// What a first visitor sees.
const EXAMPLE: &str = "// Each run is a task: its lines appear below while it runs.\nlet total = 0;\nfor step in 1..=5 {\n    \
                       print(`step ${step}`);\n    progress(step / 5.0, `${step} of 5`);\n    sleep(0.5);\n    total += step;\n}\n\
                       total\n";
/// As many bytes a script and its arguments take in the page. Longer ones can't be edited here.
const MAX_SCRIPT_BYTES: usize = 128 * 1024;
const MAX_ARGS_BYTES: usize = 16 * 1024;
/// As many worker ids are offered.
const MAX_WORKER_IDS: usize = 200;

/// `GET /playground`
pub(in crate::dashboard) async fn playground(
    visit: Visit,
    Query(begin): Query<Begin>,
) -> Result<Response, PageError> {
    let snapshot = visit.core.monitor.read(visit.dispatcher().transport()).await?;
    let sees = |id: &WorkerId| visit.scope().is_some_and(|scope| scope.allows_worker(id));
    let served = snapshot.queues.iter().filter(|queue| queue.instances > 0 && sees(&queue.worker_id));
    let worker_ids: Vec<_> = served.take(MAX_WORKER_IDS).map(|queue| queue.worker_id.to_string()).collect();
    let default = visit.core.config.default_worker_id.as_ref().map(ToString::to_string);
    let mut page = Page {
        shell: Shell::new(&visit, Section::Playground, "Playground"),
        script: EXAMPLE.to_owned(),
        args: String::new(),
        name: String::new(),
        worker_id: default.or_else(|| worker_ids.first().cloned()).unwrap_or_default(),
        worker_ids,
        task: None,
    };
    if let Some(id) = begin.task {
        let details = read_visible(&visit, task_id(&id)?).await?;
        let args = if details.args.is_null() { String::new() } else { details.args.to_string() };
        for (what, text, max) in
            [("script", &*details.script, MAX_SCRIPT_BYTES), ("argument text", &args, MAX_ARGS_BYTES)]
        {
            if html_bytes(text) > max {
                let hint =
                    "The page of the task has a link to all of it: copy the part that you need from there.";
                return Err(PageError::bad(format!("The {what} is too long to be edited here."), hint));
            }
        }
        page.script = details.script.to_string();
        page.args = args;
        page.name = details.script_name.as_deref().unwrap_or_default().to_owned();
        page.worker_id = details.worker_id.to_string();
        page.task = Some(id);
    }
    render(&page)
}

/// `POST /playground`: runs a script. The answer follows its task.
pub(in crate::dashboard) async fn run(
    visit: Visit,
    Form(script): Form<Script>,
) -> Result<Response, PageError> {
    let worker_id = WorkerId::try_from(script.worker_id.trim())
        .map_err(|invalid| PageError::bad(invalid.to_string(), "Choose the worker that runs the script."))?;
    if !visit.scope().is_some_and(|scope| scope.allows_worker(&worker_id)) {
        return Err(PageError::forbidden(format!("The token does not allow the worker id {worker_id}.")));
    }
    // A form sends line ends of its own.
    let text = script.script.replace("\r\n", "\n");
    let mut request = visit.dispatcher().new_play_request().worker_id(worker_id.as_str()).script(text);
    let (args, name) = (script.args.trim(), script.name.trim());
    if !args.is_empty() {
        let args: serde_json::Value = serde_json::from_str(args).map_err(|error| {
            PageError::bad(format!("The arguments are not JSON: {error}."), "Write them as {\"name\": 1}.")
        })?;
        request = request.args(args);
    }
    if !name.is_empty() {
        request = request.script_name(name);
    }
    to_its_end(&visit.core.clone(), async move {
        let id = request.submit().await?;
        visit.audit("play", id.to_string(), Some(worker_id.to_string())).await;
        Started::response(&visit, id)
    })
    .await
}
