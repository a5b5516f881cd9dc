//! The ways to a gateway.

mod any_link;
mod bearer;
mod http_link;
mod refused;
mod socket;
mod tls;
mod untrusted;

pub(crate) use any_link::AnyLink;
