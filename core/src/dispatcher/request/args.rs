use serde::Serialize;
use serde_json::{Map, Value};

use super::exact_numbers::check_numbers;
use crate::invalid::quoted;
use crate::{Invalid, Json};

/// How deep args may nest; below the depth at which JSON parsers give up, 128.
const MAX_DEPTH: usize = 100;

/// The arguments of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Args {
    /// Each with its name.
    Named(Map<String, Value>),
    /// The parameters of a call: an array, or a value by itself.
    Whole(Value),
}

impl Default for Args {
    fn default() -> Self {
        Self::Named(Map::new())
    }
}

impl Args {
    /// Arguments of the form of a JSON object.
    pub(super) fn named(args: &impl Serialize) -> Result<Self, Invalid> {
        match Self::any(args)? {
            Self::Named(args) => Ok(Self::Named(args)),
            Self::Whole(_) => Err(Invalid::new(
                "args",
                "they are not a JSON object",
                "pass a map or a struct, or use arg(key, value)",
            )),
        }
    }

    /// Arguments of any form.
    pub(super) fn any(args: &impl Serialize) -> Result<Self, Invalid> {
        match value_of(args) {
            Ok(Value::Object(args)) => Ok(Self::Named(args)),
            Ok(value) => Ok(Self::Whole(value)),
            Err((problem, hint)) => Err(Invalid::new("args", problem, hint)),
        }
    }

    /// Adds one with a name. It replaces arguments without names.
    pub(super) fn add(&mut self, key: String, value: &impl Serialize) -> Result<(), Invalid> {
        let value = value_of(value)
            .map_err(|(problem, hint)| Invalid::new("args", format!("{} {problem}", quoted(&key)), hint))?;
        match self {
            Self::Named(args) => drop(args.insert(key, value)),
            Self::Whole(_) => *self = Self::Named(Map::from_iter([(key, value)])),
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Named(args) => args.is_empty(),
            Self::Whole(value) => value.is_null(),
        }
    }

    /// A script has its arguments by their names.
    pub(super) fn check_of_script(&self) -> Result<(), Invalid> {
        match self {
            Self::Named(_) => Ok(()),
            Self::Whole(_) => {
                let problem = "they have no names, and the arguments of a script have";
                Err(Invalid::new("params", problem, "pass a map or a struct, or use arg(key, value)"))
            }
        }
    }

    /// Their text.
    pub(super) fn to_json(&self) -> Result<Json, Invalid> {
        let json = match self {
            Self::Named(args) if args.values().any(|value| nests_deeper(value, MAX_DEPTH)) => Err(()),
            Self::Whole(value) if nests_deeper(value, MAX_DEPTH) => Err(()),
            Self::Named(args) => Ok(Json::of(args)),
            Self::Whole(value) => Ok(Json::of(value)),
        };
        let Ok(json) = json else {
            let problem = format!("they nest deeper than {MAX_DEPTH} levels");
            return Err(Invalid::new("args", problem, "pass flatter values"));
        };
        json.map_err(|error| Invalid::new("args", format!("no JSON form: {error}"), SERIALIZE_HINT))
    }
}

const SERIALIZE_HINT: &str = "pass something that serializes to JSON";

/// The JSON form of a value, or the problem with it and the way out.
fn value_of(value: &impl Serialize) -> Result<Value, (String, &'static str)> {
    check_numbers(value).map_err(|problem| {
        (problem, "scripts have 64-bit signed integers and finite floats; pass other numbers as strings")
    })?;
    serde_json::to_value(value).map_err(|error| (format!("no JSON form: {error}"), SERIALIZE_HINT))
}

/// Whether there is something in `value` more than `levels` deep.
fn nests_deeper(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else { return true };
    match value {
        Value::Array(values) => values.iter().any(|value| nests_deeper(value, left)),
        Value::Object(values) => values.values().any(|value| nests_deeper(value, left)),
        _ => false,
    }
}
