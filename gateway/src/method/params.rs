use std::fmt::Display;

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
        serde_path_to_error::deserialize(Value::Object(named)).map_err(|error| unfit(&error))
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
        params.to().map_err(|error| unreadable(&error.to_string()))
    }
}

/// The error of a parameter that does not have the type of its field.
fn unfit(error: &serde_path_to_error::Error<serde_json::Error>) -> ErrorObject {
    let problem = in_words(&error.inner().to_string());
    // Of one that is missing or unknown the problem has the name.
    match error.path().iter().next() {
        None => invalid(problem),
        Some(_) => {
            let field = error.path().to_string();
            // What a type of the dispatcher says begins with its own name, which often is that of the field.
            let problem = problem.strip_prefix(&format!("{field}: ")).unwrap_or(&problem);
            invalid_field(&field, problem)
        }
    }
}

/// What serde says of the types that a field has, in words of JSON.
fn in_words(problem: &str) -> String {
    let words = [
        ("expected usize", "expected a whole number from 0 on"),
        ("expected u64", "expected a whole number from 0 on"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected f64", "expected a number"),
    ];
    match words.iter().find_map(|(typ, words)| Some(format!("{}{words}", problem.strip_suffix(typ)?))) {
        Some(said) => said,
        None => problem.to_owned(),
    }
}

/// The error of parameters that have no value here, although they are JSON.
fn unreadable(problem: &str) -> ErrorObject {
    invalid(match problem {
        problem if problem.starts_with("recursion limit exceeded") => {
            "params: they nest deeper than 127 levels; pass what is deeper as a string of JSON".to_owned()
        }
        problem if problem.starts_with("number out of range") => {
            "params: a number is beyond 64-bit floating point; pass it as a string".to_owned()
        }
        problem => format!("params: {problem}"),
    })
}

/// `Invalid params` for this reason.
pub(crate) fn invalid(reason: impl Into<String>) -> ErrorObject {
    ErrorObject::because(Code::InvalidParams, reason)
}

/// `Invalid params`, since this parameter has this problem.
pub(crate) fn invalid_field(field: &str, problem: impl Display) -> ErrorObject {
    invalid(format!("{field}: {problem}")).with("field", field)
}
