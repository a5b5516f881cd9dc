#![doc = include_str!("../README.md")]
//!
//! # Layout
//! - `module`: [`StripeModule`], the functions that scripts call.
//! - `docs`: the reference of the functions.
//! - `config`: [`StripeConfig`]; `settings`: the settings that a task changes.
//! - `resource`: the kinds of objects and their setters; `builder`: the parameters of an object before its creation.
//! - `client`: the calls, with the client of the HTTP module.
//! - `error`: [`StripeError`], the error that scripts catch.

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
