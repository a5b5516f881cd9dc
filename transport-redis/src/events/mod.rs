//! Events of running tasks: from the buffers of an instance into a stream for each task, and from there to subscribers.

mod entries;
mod event_outbox;
mod event_reader;
mod follow;
mod publisher;
mod streams;
mod subscribers;

pub(crate) use event_outbox::EventOutbox;
pub(crate) use event_reader::EventReader;
pub(crate) use follow::follow;
pub(crate) use publisher::publish;
