//! Layers of tower's around calls.

mod handoff;
#[expect(clippy::module_inception, reason = "the file is named for its main type")]
mod layers;
mod method_call;
mod method_service;
mod pass_on;

pub(crate) use handoff::{Handoff, Passed};
pub(crate) use layers::{Layered, Layers};
pub use method_call::MethodCall;
pub use method_service::MethodService;
pub(crate) use pass_on::PassOn;
