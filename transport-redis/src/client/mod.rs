//! All code that uses fred, so that the client could be exchanged.

mod client_error;
mod connection;
mod dial;
mod endpoint;
mod link;
mod messages;
mod mismatch;
mod network;
mod sentinels;
mod server_info;
mod server_reply;
mod server_url;
mod tls;
mod tls_problem;
mod vitals;

pub use client_error::ClientError;
pub(crate) use connection::Connection;
pub(crate) use endpoint::Endpoint;
pub(crate) use link::{Link, LinkState};
pub(crate) use messages::Received;
pub(crate) use network::Network;
pub use server_reply::ServerReply;
pub(crate) use server_url::ServerUrl;
