//! A request: how it is put together, checked, submitted and waited for.

mod args;
mod await_response;
mod builder;
mod exact_numbers;
mod into_task;
mod submit;

pub use builder::PlayRequestBuilder;
