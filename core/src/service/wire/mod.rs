//! Services over a transport: a request is a task that calls a method, with the request as its parameters.

mod counted_elements;
mod envelope;
mod fingerprint;
mod read_shape;
mod remote_caller;
mod service_handler;
mod shallow_bytes;
mod shape;
mod wire_signature;

pub use service_handler::ServiceHandler;
pub use wire_signature::WireSignature;

/// The method that the tasks of a service call.
const METHOD: &str = "service.request";
