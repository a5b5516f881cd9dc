//! The pages, a file or a folder for each.

pub(super) mod audit;
pub(super) mod errors;
pub(super) mod handlers;
pub(super) mod login;
pub(super) mod overview;
pub(super) mod playground;
pub(super) mod queues;
mod started;
pub(super) mod task;
pub(super) mod tasks;
