//! The tasks that a worker has claimed and not begun.

#[expect(clippy::module_inception, reason = "each file is named for its main type")]
mod intake;
mod offer;
mod state;

pub(super) use intake::{Intake, Taken};
pub(super) use offer::Offer;
