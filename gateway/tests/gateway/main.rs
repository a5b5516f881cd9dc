//! A gateway as its clients see it: over real sockets, before real workers.

mod auth;
mod http;
mod methods;
mod socket;
mod spec;
mod support;
