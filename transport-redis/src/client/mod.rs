//! All that knows fred, so that the client could be exchanged.

mod connection;
mod endpoint;
mod error;
mod link;
mod network;
mod reply;
mod server;
mod vitals;

pub(crate) use connection::Connection;
pub(crate) use endpoint::Endpoint;
pub(crate) use error::ClientError;
pub(crate) use link::{Link, LinkState};
pub(crate) use network::Network;
pub(crate) use reply::Reply;
