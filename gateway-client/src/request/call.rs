use std::time::Duration;

use rhai_dispatcher_core::{Invalid, Limits, Priority};
use serde::Serialize;
use serde_json::value::RawValue;

use super::settings::{Settings, json, settings_of};

/// A call of a method with settings of its own, for [`GatewayClient::call_with`](crate::GatewayClient::call_with).
#[derive(Debug, Clone, Serialize)]
#[must_use = "it is what a client calls"]
pub struct Call {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Box<RawValue>>,
    #[serde(flatten)]
    settings: Settings,
}

impl Call {
    /// A call of the method of that name, such as `shop.prices.get`.
    pub fn new(method: impl Into<String>) -> Self {
        Self { method: method.into(), params: None, settings: Settings::default() }
    }

    /// The parameters: something that is an object in JSON, by name, or an array, by position. Default: none.
    ///
    /// # Errors
    /// If `params` has no JSON form.
    pub fn with_params(mut self, params: &(impl Serialize + ?Sized)) -> Result<Self, Invalid> {
        self.params = Some(json("params", params)?);
        Ok(self)
    }
}

settings_of!(Call);
