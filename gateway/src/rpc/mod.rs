//! JSON-RPC 2.0 as texts: messages, requests, ids, answers and error objects. It knows nothing of sockets and methods.

mod answer;
mod code;
mod error_object;
mod id;
mod message;
mod raw;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use answer::{Answer, notification};
pub(crate) use code::Code;
pub(crate) use error_object::ErrorObject;
pub(crate) use id::Id;
pub(crate) use message::{Entry, Message};
pub(crate) use request::Request;
