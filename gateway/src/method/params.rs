use rhai_dispatcher::task::{Json, integer_beyond_i64};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::rpc::{Code, ErrorObject};

/// The parameters of a request: by name, by position, or none.
#[derive(Debug, Clone)]
pub(crate) struct Params(Option<Json>);

impl Params {
    pub(crate) const fn new(params: Option<Json>) -> Self {
        Self(params)
    }

    /// Reads them as a struct, whose fields are `names` in the order of positions.
    ///
    /// # Errors
    /// `Invalid params`, with the reason.
    pub(crate) fn read<P: DeserializeOwned>(self, names: &[&str]) -> Result<P, ErrorObject> {
        let named = match self.into_value()? {
            Value::Object(named) => named,
            Value::Array(values) if values.len() > names.len() => {
                let (given, takes) = (values.len(), names.len());
                return Err(invalid(format!("there are {given} parameters, and the method takes {takes}")));
            }
            // A `null` in a place leaves its parameter out.
            Value::Array(values) => {
                let pairs = names.iter().map(ToString::to_string).zip(values);
                pairs.filter(|(_, value)| !value.is_null()).collect()
            }
            _ => Map::new(),
        };
        serde_json::from_value(Value::Object(named)).map_err(|error| invalid(error.to_string()))
    }

    /// Checks that there are none.
    ///
    /// # Errors
    /// `Invalid params`.
    pub(crate) fn none(self) -> Result<(), ErrorObject> {
        match self.into_value()? {
            Value::Object(named) if !named.is_empty() => Err(invalid("the method takes no parameters")),
            Value::Array(values) if !values.is_empty() => Err(invalid("the method takes no parameters")),
            _ => Ok(()),
        }
    }

    /// Their value: an object, an array, or `null`.
    ///
    /// # Errors
    /// `Invalid params` if a number in them would change, or if they nest too deep.
    pub(crate) fn into_value(self) -> Result<Value, ErrorObject> {
        let Some(params) = self.0 else { return Ok(Value::Null) };
        if let Some(number) = integer_beyond_i64(params.as_str()) {
            let shown: String = number.chars().take(32).collect();
            return Err(invalid(format!(
                "{shown} is beyond the 64-bit signed integers that scripts have; pass it as a string"
            )));
        }
        params.to().map_err(|error| invalid(error.to_string()))
    }
}

/// `Invalid params` for this reason.
pub(crate) fn invalid(reason: impl Into<String>) -> ErrorObject {
    ErrorObject::because(Code::InvalidParams, reason)
}
