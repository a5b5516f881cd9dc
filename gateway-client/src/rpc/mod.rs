//! JSON-RPC 2.0 as texts: entries of messages to the gateway, and what its messages have.

mod entry;
mod incoming;
mod outgoing;

pub(crate) use entry::Entry;
pub(crate) use incoming::{Incoming, RawAnswer, read_result};
pub(crate) use outgoing::Outgoing;
