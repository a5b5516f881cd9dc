use askama::Template;
use axum::response::Response;
use rhai_dispatcher::TaskId;

use crate::dashboard::frame::{PageError, Section, Shell, Visit, render};

/// The place of a task that has just been submitted, which follows it.
#[derive(Debug, Template)]
#[template(path = "started.html")]
pub(super) struct Started {
    shell: Shell,
    id: TaskId,
}

impl Started {
    pub(super) fn response(visit: &Visit, id: TaskId) -> Result<Response, PageError> {
        render(&Self { shell: Shell::new(visit, Section::None, ""), id })
    }
}
