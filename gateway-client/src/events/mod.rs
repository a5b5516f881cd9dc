//! Subscriptions to tasks: events, also across connections.

mod event_message;
mod event_queue;
mod resumption;
mod subscription;

pub(crate) use event_message::EventMessage;
pub(crate) use subscription::Subscription;
