//! `--metrics`: the figures and the health of a worker over HTTP.

mod endpoint;
mod health;
mod http;
mod process;
mod recorder;
mod routes;
mod table;

pub(crate) use endpoint::MetricsEndpoint;
#[cfg(unix)]
pub(crate) use process::RESTARTS_VARIABLE;
pub(crate) use recorder::Recorder;
