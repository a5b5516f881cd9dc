//! Typed services: requests and responses of any Rust types, answered by workers of this process, or over a transport.
//!
//! ```
//! use rhai_dispatcher::service::{NoError, Requests, Service};
//!
//! struct Doubler;
//!
//! impl Service for Doubler {
//!     type Request = i64;
//!     type Response = i64;
//!     type Error = NoError;
//!     type Config = ();
//!     type Output = ();
//!
//!     async fn run(self, (): (), requests: Requests<Self>) {
//!         requests.answer_each((), async |(), number| Ok(number * 2)).await;
//!     }
//! }
//!
//! let (worker, caller) = Doubler.start(32, ());
//! let calls = async move { caller.send_request(21).await };
//! let ((), answer) = futures::executor::block_on(futures::future::join(worker, calls));
//! assert_eq!(answer, Ok(42));
//! ```
//!
//! [`Service`] has a larger example. [`Caller::serve`] serves a worker id by a service, and
//! [`RhaiDispatcher::service_caller`](crate::RhaiDispatcher::service_caller) calls it from other processes.

/// Its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/services.md")]
struct Page;

pub use rhai_dispatcher_core::{
    Call, CallError, Caller, DispatchError, NoError, NotSent, Received, RemoteError, Reply, Requests,
    RestartPolicy, Service, ServiceHandler, ServiceOptions, Signature, WireSignature, WorkerPanicked,
};
