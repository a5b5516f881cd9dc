//! Typed services: requests and responses of any Rust types, answered by workers of this process.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use rhai_dispatcher::service::{Requests, Service};
//!
//! struct Doubler;
//!
//! impl Service for Doubler {
//!     type Request = i64;
//!     type Response = i64;
//!     type Error = Infallible;
//!     type Config = ();
//!     type Output = ();
//!
//!     async fn run(self, (): (), requests: Requests<Self>) {
//!         requests.answer_each((), async |(), number| Ok(number * 2)).await;
//!     }
//! }
//!
//! let (worker, caller) = Doubler.start(32, ());
//! let call = caller.send_request(21);
//! # let call = async { let answer = call.await; drop(caller); answer };
//! let (_, answer) = futures::executor::block_on(futures::future::join(worker, call));
//! assert_eq!(answer, Ok(42));
//! ```

/// Its example is run.
#[cfg(doctest)]
#[doc = include_str!("../docs/services.md")]
struct Page;

pub use rhai_dispatcher_core::{
    Call, CallError, Caller, DispatchError, NotSent, Received, RemoteError, Reply, Requests, RestartPolicy,
    Service, ServiceHandler, ServiceOptions, Signature, WireSignature, WorkerPanicked,
};
