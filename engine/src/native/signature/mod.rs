//! What a function that scripts call can be, take and return.

mod async_function;
mod blocking_function;
mod into_error;
mod into_value;
mod parameter;
mod reply;
mod this;

pub use async_function::AsyncFunction;
pub use blocking_function::{BlockingFunction, Sendable};
pub use into_error::{IntoError, Thrown};
pub use into_value::{IntoValue, Serialized};
pub use parameter::{Arguments, Parameter, Parameters};
pub use reply::Reply;
pub use this::This;
