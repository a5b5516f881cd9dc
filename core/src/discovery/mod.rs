//! Which methods the living instances have.

mod description;
mod directory;
mod handler_info;
mod handler_status;

pub use description::InstanceDescription;
pub(crate) use directory::{Directory, ambiguous, not_a_handler, unserved};
pub use handler_info::{HandlerInfo, HandlerType, MethodForm, MethodInfo, ParameterInfo};
pub use handler_status::{HandlerStatus, MethodStatus};
