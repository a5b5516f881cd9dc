//! Native functions that scripts call: asynchronous and blocking ones, what they see of their task, and requests.
//!
//! - `registration`: how an embedder adds functions to an [`EngineConfig`](crate::EngineConfig)
//! - `signature/`: what a function can be, take and return
//! - `function`: [`Function`], one under its two names
//! - `async_fn_config`: [`AsyncFnConfig`], its timeout and slots
//! - `call`, `task_context`: [`Call`] and [`TaskContext`], what a function knows of its call and its task
//! - `script_call`: [`script_call`], the same errors for functions that a setup registers
//! - `nesting`, `reply_size`: how deep arguments may be, and how large answers
//! - `request/`: the functions for requests

mod async_fn_config;
mod call;
mod function;
mod nesting;
mod registration;
mod reply_size;
mod request;
mod script_call;
mod signature;
mod task_context;

pub use async_fn_config::AsyncFnConfig;
pub use call::Call;
pub(crate) use request::{Requests, register as register_requests};
pub use script_call::script_call;
pub use signature::{
    Arguments, AsyncFunction, BlockingFunction, IntoError, IntoValue, Parameter, Parameters, Reply, Sendable,
    Serialized, This, Thrown,
};
pub use task_context::TaskContext;
