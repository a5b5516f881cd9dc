//! The client before real gateways, with workers on a real Redis.

mod calls;
mod certificates;
mod deadlines;
mod http;
mod refusals;
mod restarts;
mod subscriptions;
mod support;
