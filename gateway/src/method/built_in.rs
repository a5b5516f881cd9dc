use futures::future::BoxFuture;

use super::{CallContext, Done, Params};
use crate::auth::Access;
use crate::rpc::ErrorObject;

/// A method that the gateway itself has.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    pub(crate) access: Access,
    /// What it does, in a sentence.
    pub(crate) about: &'static str,
    /// In the order of positions.
    pub(crate) parameters: &'static [Parameter],
    pub(crate) run: fn(CallContext, Params) -> Running,
}

/// The future of a method.
pub(crate) type Running = BoxFuture<'static, Result<Done, ErrorObject>>;

/// A parameter of a built-in method.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    /// The type of JSON schema.
    pub(crate) typ: &'static str,
    pub(crate) about: &'static str,
}

impl Parameter {
    pub(crate) const fn required(name: &'static str, typ: &'static str, about: &'static str) -> Self {
        Self { name, required: true, typ, about }
    }

    pub(crate) const fn optional(name: &'static str, typ: &'static str, about: &'static str) -> Self {
        Self { name, required: false, typ, about }
    }
}
