//! The running side: one instance, its claims, and how they end.

mod claim_future;
#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod consumer;
mod membership;

pub(crate) use consumer::MemoryConsumer;
