#![doc = include_str!("../README.md")]
//!
//! # Layout
//! - `module`: [`HttpModule`], the functions that scripts call; `docs`: their reference; `options`: reads their arguments.
//! - `client`: [`HttpClient`], for modules that make HTTP calls themselves. It sends an [`HttpRequest`], with a [`Form`] as
//!   one kind of body, and returns an [`HttpResponse`] or an [`HttpError`].
//!   `client_core`: the state that all calls of a client share.
//! - `config`: [`HttpConfig`], the limits.
//! - `exchange`: one call with its retries (`retry`) and redirects; `buffers` bounds the memory of all answers together.
//! - `text`: decodes the body of an answer by its charset.
//! - `policy`: which addresses may be called: the public ones (`address`) and each [`AllowedHost`]. The
//!   `resolver` returns only these to the client.
//! - `tls`: the trusted certificates.

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
/// The type of a request's body.
pub use bytes::Bytes;
pub use client::HttpClient;
pub use config::HttpConfig;
pub use error::{HttpError, HttpErrorKind};
pub use form::Form;
pub use module::HttpModule;
pub use request::HttpRequest;
pub use response::HttpResponse;
