//! The web pages of the gateway.

mod index;
mod router;

pub(crate) use router::router;
