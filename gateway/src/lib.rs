//! JSON-RPC 2.0 over WebSocket and HTTP, before the workers of rhai-dispatcher: a [`Gateway`] finds the worker that has a
//! method, sends the call there, and answers with its output. docs/gateway.md is its documentation for users.
//!
//! # Layout
//! - `gateway`, `builder`: [`Gateway`], and how one is made.
//! - `config/`: [`GatewayConfig`], and the table of all limits.
//! - `server/`: sockets: which connections are let in, and the end of all.
//! - `http/`: the routes, and what each request passes before them: host and origin, identity, access.
//! - `auth/`: tokens, scopes, sessions, and the [`Identity`] of a request.
//! - `audit/`: who did what, and when.
//! - `session/`: clients that are connected: calls in flight, subscriptions, messages that wait.
//! - `method/`: the methods of the gateway itself, and the way to those of workers.
//! - `rpc/`: JSON-RPC as texts, without sockets and methods.
//! - `metrics/`: what is counted.
//! - `dashboard/`: web pages.
//! - `core`: what all connections share; `withdrawals`: cancels the tasks of clients that have left.

mod audit;
mod auth;
mod builder;
mod config;
mod core;
mod dashboard;
mod error;
mod gateway;
mod http;
mod method;
mod metrics;
mod rpc;
mod server;
mod session;
mod withdrawals;

pub use auth::{
    Access, Identity, Pattern, Role, Scope, Secret, SecretHash, TokenFile, TokenFileError, TokenRecord,
};
pub use builder::GatewayBuilder;
pub use config::{GatewayConfig, LimitInfo};
pub use error::GatewayError;
pub use gateway::Gateway;
pub use metrics::{METRICS, MetricsText};
pub use server::TlsError;
