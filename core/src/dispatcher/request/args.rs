use serde::Serialize;
use serde_json::{Map, Value};

use super::exact_numbers::check_numbers;
use crate::invalid::quoted;
use crate::{Invalid, Json};

/// How deep args may nest; below the depth at which JSON parsers give up, 128.
const MAX_DEPTH: usize = 100;

/// The JSON form of one argument.
pub(super) fn arg_value(key: &str, value: &impl Serialize) -> Result<Value, Invalid> {
    value_of(value)
        .map_err(|(problem, hint)| Invalid::new("args", format!("{} {problem}", quoted(key)), hint))
}

/// The JSON form of all arguments.
pub(super) fn args_map(args: &impl Serialize) -> Result<Map<String, Value>, Invalid> {
    match value_of(args) {
        Ok(Value::Object(args)) => Ok(args),
        Ok(_) => Err(Invalid::new(
            "args",
            "they are not a JSON object",
            "pass a map or a struct, or use arg(key, value)",
        )),
        Err((problem, hint)) => Err(Invalid::new("args", problem, hint)),
    }
}

/// The text of all arguments.
pub(super) fn to_json(args: &Map<String, Value>) -> Result<Json, Invalid> {
    if args.values().any(|value| nests_deeper(value, MAX_DEPTH)) {
        let problem = format!("they nest deeper than {MAX_DEPTH} levels");
        return Err(Invalid::new("args", problem, "pass flatter values"));
    }
    Json::of(args).map_err(|error| Invalid::new("args", format!("no JSON form: {error}"), SERIALIZE_HINT))
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
