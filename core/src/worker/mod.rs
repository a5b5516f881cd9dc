//! The side that runs tasks: lanes over a handler.

mod handler;
mod stop;

pub use handler::{Handler, Ran, Run};
pub use stop::{Stop, StopToken};
