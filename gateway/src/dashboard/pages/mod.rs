//! The pages, a file for each.

pub(super) mod login;
pub(super) mod overview;
pub(super) mod queues;
