//! Typed services: requests and responses of any Rust types, answered by workers of this process, or over a transport.

mod call;
mod call_error;
mod caller;
mod channel;
mod line;
mod no_error;
mod options;
mod received;
mod remote;
mod remote_error;
mod requests;
mod reservation;
mod restart_policy;
#[allow(clippy::module_inception, reason = "a file is named for its main type")]
mod service;
mod signature;
mod slot;
mod supervisor;
#[cfg(test)]
mod tests;
#[cfg(feature = "tower")]
mod tower;
mod waiting;
mod wire;
mod worker_end;

pub use call::Call;
pub use call_error::{CallError, NotSent};
pub use caller::Caller;
pub use no_error::NoError;
pub use options::ServiceOptions;
pub use received::{Received, Reply};
pub use remote_error::{DispatchError, RemoteError};
pub use requests::Requests;
pub use restart_policy::RestartPolicy;
pub use service::Service;
pub use signature::Signature;
pub use supervisor::WorkerPanicked;
pub use wire::{ServiceHandler, WireSignature};
