//! Submits: tasks on their way to their queues.

mod child_notes;
mod submit_batch;
mod submit_request;
mod submitter;

pub(crate) use child_notes::ChildNotes;
pub(crate) use submit_batch::submit;
pub(crate) use submitter::Submitter;
