//! The files that pages use: styles, scripts, plots. All of them are embedded in the program.

mod asset;
mod route;

pub(super) use asset::version;
pub(super) use route::asset;
