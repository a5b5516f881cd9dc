//! Sockets: who is let in, and until when.

mod address_table;
mod gate;
mod serve;
mod tls;
mod write_timeout;

pub(crate) use address_table::network_of;
pub(crate) use gate::GatePermit;
pub(crate) use serve::{IsTls, serve};
pub use tls::TlsError;
pub(crate) use tls::tls_acceptor;
