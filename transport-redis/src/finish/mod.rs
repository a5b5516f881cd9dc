//! Finishes: the ends of claims on their way to their records.

#[cfg(feature = "fault-finish-order")]
mod fault;
mod finish_batch;
mod finish_request;
mod finisher;

pub(crate) use finish_batch::{end_finish, finish};
pub(crate) use finisher::Finisher;
