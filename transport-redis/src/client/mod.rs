//! All code that uses fred, so that the client could be exchanged.

mod client_error;
mod cluster;
mod confirmations;
mod connection;
mod dial;
mod endpoint;
mod link;
mod links;
mod messages;
mod mismatch;
mod network;
mod question;
mod sentinels;
mod server_info;
mod server_reply;
mod server_scripts;
mod server_url;
mod servers;
mod slot_map;
mod tls;
mod tls_problem;
mod vitals;

pub use client_error::ClientError;
pub(crate) use connection::Connection;
use endpoint::Endpoint;
pub(crate) use links::{Linked, Links};
pub(crate) use messages::{Messages, Received};
use network::Network;
pub use server_reply::ServerReply;
pub(crate) use server_url::ServerUrl;
pub(crate) use servers::Servers;
