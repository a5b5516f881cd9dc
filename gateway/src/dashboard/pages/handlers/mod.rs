//! The methods that workers have: lists of them, and one at a time with a form that calls it.

mod figures_view;
mod handler;
#[expect(clippy::module_inception, reason = "the file is named for its main page")]
mod handlers;
mod method;
mod method_form;

pub(in crate::dashboard) use handler::handler;
pub(in crate::dashboard) use handlers::handlers;
pub(in crate::dashboard) use method::{call, method, schema};
