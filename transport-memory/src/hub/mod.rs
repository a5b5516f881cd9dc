//! All queues and records of one transport, and the steps that concern more than one queue's state.

mod cancel;
mod crash_report;
mod due;
mod effects;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod hub;
mod inspect;
mod listing;
mod named;
mod submit;
mod task_pages;

pub(crate) use effects::Effects;
pub(crate) use hub::Hub;
pub(crate) use named::named_hub;
