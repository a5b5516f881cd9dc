#![doc = include_str!("../README.md")]
//!
//! # Layout
//! - `module`: [`HttpModule`], the functions that scripts call, and `docs` what is written about them; `options` reads what they pass.
//! - `client`: [`HttpClient`], for modules that speak HTTP themselves; [`HttpRequest`], [`HttpResponse`]
//!   and [`Form`] are what it sends and gets, [`HttpError`] why it did not.
//!   `client_core`: what all calls of a client share.
//! - `config`: [`HttpConfig`], the limits.
//! - `exchange`: one call: its tries (`retry`) and redirects; `buffers` bounds all answers together.
//! - `text`: what is text of an answer, by its charset.
//! - `policy`: which addresses may be called: the public ones (`address`) and each [`AllowedHost`]. The
//!   `resolver` gives the client no others.
//! - `tls`: how servers prove who they are.

mod address;
mod allowed_host;
mod buffers;
mod client;
mod client_core;
mod config;
mod docs;
mod error;
mod exchange;
mod form;
mod module;
mod options;
mod policy;
mod request;
mod resolver;
mod response;
mod retry;
mod text;
mod tls;

pub use allowed_host::AllowedHost;
pub use client::HttpClient;
pub use config::HttpConfig;
pub use error::{HttpError, HttpErrorKind};
pub use form::Form;
pub use module::HttpModule;
pub use request::HttpRequest;
pub use response::HttpResponse;
