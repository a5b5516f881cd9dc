use axum::extract::Path;
use axum::response::Response;

use super::page::{read_visible, task_id};
use crate::dashboard::frame::{PageError, Visit, plain_text};

/// `GET /tasks/{id}/{part}`: a part of a task as plain text, which is also what the page copies.
pub(in crate::dashboard) async fn raw(
    visit: Visit,
    Path((id, part)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let details = read_visible(&visit, task_id(&id)?).await?;
    let text = match &*part {
        "script" => details.script.to_string(),
        "args" => details.args.to_string(),
        "output" => details.output.map(|output| output.as_json().to_string()).unwrap_or_default(),
        "error" => details.error.map(|error| error.to_string()).unwrap_or_default(),
        "thrown" => {
            let thrown = details.error.and_then(|error| error.value);
            thrown.map(|value| value.to_string()).unwrap_or_default()
        }
        "log" => details.log.lines().iter().fold(String::new(), |all, line| all + line.text.as_str() + "\n"),
        _ => {
            return Err(PageError::not_found(
                "A task has no such part.",
                "Use script, args, output, error, thrown or log.",
            ));
        }
    };
    Ok(plain_text(text))
}
