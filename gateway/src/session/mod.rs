//! Clients that are connected: their calls, and what they are sent.

mod calls;
mod client;
mod connection;
mod event_json;
mod life_signs;
mod outbox;
mod subscriptions;

pub(crate) use calls::Calls;
pub(crate) use client::Client;
pub(crate) use connection::Connection;
