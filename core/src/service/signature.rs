/// The types that callers and workers of a service agree on.
///
/// Each [`Service`](crate::Service) has it by itself. A program that only calls a service of another process
/// implements it for a type of its own, and needs nothing of the service's code but these types.
///
/// None of the types has to be `Clone`, `Send` or `'static`. Callers and workers are `Send` if the types are.
pub trait Signature {
    /// What a caller sends.
    type Request;
    /// What it gets back.
    type Response;
    /// Why the service refuses or fails a request.
    type Error;
}
