#![doc = include_str!("../README.md")]
//!
//! # Layout
//! - `module`: [`StripeModule`], the functions that scripts call.
//! - `docs`: what is written about the functions.
//! - `config`: [`StripeConfig`]; `settings` is what a task changes of it.
//! - `resource`: the kinds of objects and their setters; `builder` is one that is being described.
//! - `client`: the calls, by the client of the HTTP module.
//! - `error`: [`StripeError`], what scripts catch.

mod builder;
mod client;
mod config;
mod docs;
mod error;
mod module;
mod resource;
mod settings;

pub use config::StripeConfig;
pub use error::{ApiError, StripeError};
pub use module::StripeModule;
