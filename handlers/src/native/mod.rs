//! Methods that are Rust functions.

mod method_handler;
mod native_handler;
mod native_method;

pub use method_handler::MethodHandler;
pub(crate) use native_handler::NativeHandler;
pub use native_method::{Method, NativeMethod};
