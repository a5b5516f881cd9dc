//! Where a running task is: asked by any process, answered by the instance that runs it.

mod inquiries;
mod inquiry;
mod inspect_error;
mod run_state;

pub use inquiries::{Inquiries, PendingInquiry};
pub use inquiry::Inquiry;
pub use inspect_error::InspectError;
pub use run_state::{RunActivity, RunState, ScriptPlace};
