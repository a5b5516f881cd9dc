//! Submits: tasks on their way to their queues.

mod submit_batch;
mod submit_request;
mod submitter;

pub(crate) use submit_batch::submit;
pub(crate) use submitter::Submitter;
