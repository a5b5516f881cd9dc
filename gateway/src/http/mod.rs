//! What is served over HTTP: the routes, and what every request passes before them.

#[cfg(test)]
mod access_table;
mod authenticate;
mod body;
mod cors;
mod form;
mod health;
mod identify_peer;
mod login;
mod metrics;
mod origin_guard;
mod peer;
mod refusal;
mod router;
mod routes;
mod rpc_route;
mod security_headers;
mod ws_route;

pub(crate) use form::Form;
pub(crate) use peer::Peer;
pub(crate) use refusal::Refusal;
pub(crate) use router::router;
pub(crate) use routes::Routes;
