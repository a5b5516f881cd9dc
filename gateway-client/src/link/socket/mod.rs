//! A WebSocket that connects again.

mod backoff;
mod dialer;
mod driver;
mod failure;
mod message;
mod socket_link;
mod waiting;

pub(crate) use socket_link::SocketLink;
