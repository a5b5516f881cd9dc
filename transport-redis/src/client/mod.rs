//! All code that uses fred, so that the client could be exchanged.

mod client_error;
mod connection;
mod endpoint;
mod link;
mod messages;
mod network;
mod server_info;
mod server_reply;
mod vitals;

pub use client_error::ClientError;
pub(crate) use connection::Connection;
pub(crate) use endpoint::Endpoint;
pub(crate) use link::{Link, LinkState};
pub(crate) use messages::Received;
pub(crate) use network::Network;
pub use server_reply::ServerReply;
