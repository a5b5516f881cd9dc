use std::str::FromStr;

use clap::Args;
use rhai_dispatcher::task::integer_beyond_i64;
use serde_json::{Map, Value};

use crate::error::CommandError;

/// The arguments that a script sees as `args`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScriptArgs {
    /// An argument, which scripts see as args.KEY, and methods as the parameter KEY; may be repeated
    ///
    /// The value is JSON if it parses as such, and a string otherwise: `n=3` is a number, `on=true`
    /// a boolean, `list=[1,2]` an array, `name=Ann` a string, and so is `id="3"` with its quotes.
    #[arg(long = "arg", value_name = "KEY=VALUE")]
    args: Vec<ScriptArg>,
}

/// One `--arg`.
#[derive(Debug, Clone, PartialEq)]
struct ScriptArg {
    key: String,
    value: Value,
}

const ARGUMENT: &str = "--arg <KEY=VALUE>";

impl ScriptArgs {
    /// All arguments as one object.
    ///
    /// # Errors
    /// If a key is given twice, or all together have more than `max_bytes` of JSON.
    pub(crate) fn into_map(self, max_bytes: usize) -> Result<Map<String, Value>, CommandError> {
        let mut map = Map::new();
        for ScriptArg { key, value } in self.args {
            if map.contains_key(&key) {
                let problem = format!("the key {key:?} is given twice; give each key once");
                return Err(CommandError::usage(ARGUMENT, problem));
            }
            map.insert(key, value);
        }
        // `serde_json` can write every map that it has made.
        let bytes = serde_json::to_vec(&map).map_or(usize::MAX, |json| json.len());
        if bytes > max_bytes {
            let problem = format!("all together they have {bytes} bytes, and the limit is {max_bytes}");
            return Err(CommandError::usage(ARGUMENT, problem));
        }
        Ok(map)
    }
}

impl FromStr for ScriptArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            None => Err("it has no `=`; give a key and a value, such as name=Ann".to_owned()),
            Some(("", _)) => Err("its key is empty; give a key and a value, such as name=Ann".to_owned()),
            Some((key, value)) => Ok(Self { key: key.to_owned(), value: json_or_text(value)? }),
        }
    }
}

/// The error of `serde_json` for a value that nests deeper than 127 levels.
const TOO_DEEP: &str = "recursion limit exceeded";

/// A JSON value that arrives as it is.
pub(super) fn json(text: &str) -> Result<Value, String> {
    let value = json_or_text(text)?;
    // A text is JSON in quotes only.
    match value.is_string() && !text.trim_start().starts_with('"') {
        true => {
            Err("it is not JSON; give an object or an array, such as {\"cents\":500} or [500]".to_owned())
        }
        false => Ok(value),
    }
}

fn json_or_text(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => match integer_beyond_i64(text) {
            None => Ok(value),
            Some(number) => {
                let number: String = number.chars().take(64).collect();
                Err(format!(
                    "it has the whole number {number}, beyond 64 bits with a sign; pass it as a string, \"{number}\""
                ))
            }
        },
        Err(error) if error.to_string().starts_with(TOO_DEEP) => {
            Err("it is JSON that nests more than 127 levels deep; pass flatter values, or a string in quotes"
                .to_owned())
        }
        Err(_) => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_where_they_parse_as_such() {
        let value = |text: &str| text.parse::<ScriptArg>().map(|arg| arg.value);
        assert_eq!(value("k=3"), Ok(json!(3)));
        assert_eq!(value("k=\"3\""), Ok(json!("3")));
        assert_eq!(value("k={\"a\":[1]}"), Ok(json!({"a": [1]})));
        assert_eq!(value("k=Ann"), Ok(json!("Ann")));
        assert_eq!(value("k=a=b"), Ok(json!("a=b")));
        assert_eq!(value("k="), Ok(json!("")));
        assert_eq!(value("k=[1"), Ok(json!("[1")));
        assert_eq!(value("k=9223372036854775807"), Ok(json!(i64::MAX)));
        assert_eq!(value("k=\"12345678901234567890\""), Ok(json!("12345678901234567890")));
        assert_eq!(value("k=1e30"), Ok(json!(1e30)));
    }

    #[test]
    fn json_that_would_change_is_refused() {
        let error = |text: &str| text.parse::<ScriptArg>().expect_err(text);
        for number in ["9223372036854775808", "12345678901234567890", "-9223372036854775809"] {
            let said = error(&format!("k=[{number}]"));
            assert!(
                said.contains(&format!("the whole number {number}, beyond 64 bits with a sign")),
                "{said}"
            );
        }
        let deep = format!("k={}{}", "[".repeat(128), "]".repeat(128));
        assert!(error(&deep).contains("more than 127 levels"));
        assert!(format!("k={}{}", "[".repeat(127), "]".repeat(127)).parse::<ScriptArg>().is_ok());
    }
}
