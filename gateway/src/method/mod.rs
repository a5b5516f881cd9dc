//! The methods: those of the gateway itself, and the way to those of workers.

mod audit;
mod built_in;
mod context;
mod discover;
mod done;
mod failure;
mod handlers;
mod lists;
mod params;
mod play;
mod request_params;
mod run;
mod table;
mod task;

pub(crate) use context::CallContext;
pub(crate) use done::Done;
pub(crate) use failure::of_error;
pub(crate) use params::Params;
pub(crate) use run::run;
pub(crate) use table::BUILT_IN;
