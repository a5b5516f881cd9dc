use rhai_dispatcher_core::{Json, ParameterInfo, TaskError, TaskErrorKind};
use rhai_dispatcher_engine::nearest;
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::ParamsForm;

/// The parameters of a method, by the type that takes them.
#[derive(Debug)]
pub(crate) struct Params {
    form: ParamsForm,
    /// The names in the order of positions, aliases left out.
    names: Vec<String>,
    schema: Value,
}

impl Params {
    pub(crate) fn of<P: DeserializeOwned + JsonSchema>() -> Self {
        let form = ParamsForm::of::<P>();
        let schema = match form {
            ParamsForm::Endless => Value::Null, // it may have no end either
            _ => schema_for!(P).to_value(),
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let names = match &form {
            ParamsForm::Struct(fields) => {
                let is_alias = |name: &str| properties.is_some_and(|all| !all.contains_key(name));
                fields.iter().filter(|name| !is_alias(name)).map(ToString::to_string).collect()
            }
            ParamsForm::Map => properties.into_iter().flat_map(|all| all.keys().cloned()).collect(),
            _ => Vec::new(),
        };
        Self { form, names, schema }
    }

    /// Whether a value of the type can be read.
    pub(crate) fn can_be_read(&self) -> bool {
        self.form != ParamsForm::Endless
    }

    /// What describes the type.
    pub(crate) fn schema(&self) -> &Value {
        &self.schema
    }

    /// What is written about the type.
    pub(crate) fn description(&self) -> &str {
        self.schema.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// The parameters in the order of their positions. Those of a tuple have no names: they are called `1`, `2` and so on.
    pub(crate) fn describe(&self) -> Vec<ParameterInfo> {
        let required = |name: &str| {
            let required = self.schema.get("required").and_then(Value::as_array);
            required.is_some_and(|all| all.iter().any(|other| other == name))
        };
        let of_struct = || {
            let properties = self.schema.get("properties");
            let info = |name: &String| {
                ParameterInfo::new(name, required(name), properties.and_then(|all| all.get(name)))
            };
            self.names.iter().map(info).collect()
        };
        match self.form {
            ParamsForm::Nothing => Vec::new(),
            ParamsForm::Struct(_) | ParamsForm::Map => of_struct(),
            ParamsForm::Tuple(len) => {
                let items = self.schema.get("prefixItems");
                let of = |index| items.and_then(|items| items.get(index));
                (0..len).map(|index| ParameterInfo::new(&(index + 1).to_string(), true, of(index))).collect()
            }
            ParamsForm::Any | ParamsForm::Scalar | ParamsForm::Endless => {
                vec![ParameterInfo::new("1", true, Some(&self.schema))]
            }
        }
    }

    /// The parameters of a call.
    ///
    /// # Errors
    /// Of kind `bad_params`, naming the parameter.
    pub(crate) fn read<P: DeserializeOwned>(&self, params: &Json) -> Result<P, TaskError> {
        let value: Value =
            params.to().map_err(|error| bad(format!("the parameters can't be read: {error}")))?;
        let value = self.arrange(value).map_err(bad)?;
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let problem = error.into_inner();
            // What serde says of a missing field names it.
            bad(if path == "." { problem.to_string() } else { format!("`{path}`: {problem}") })
        })
    }

    /// The value that the type is read from.
    fn arrange(&self, params: Value) -> Result<Value, String> {
        match (&self.form, params) {
            (ParamsForm::Nothing, Value::Null) => Ok(Value::Null),
            (ParamsForm::Nothing, Value::Array(values)) if values.is_empty() => Ok(Value::Null),
            (ParamsForm::Nothing, Value::Object(values)) if values.is_empty() => Ok(Value::Null),
            (ParamsForm::Nothing, _) => Err("the method takes no parameters".to_owned()),
            (ParamsForm::Struct(_) | ParamsForm::Map, Value::Null) => Ok(Value::Object(Map::new())),
            (ParamsForm::Struct(fields), Value::Object(named)) => {
                self.check_names(fields, &named)?;
                Ok(Value::Object(named))
            }
            (ParamsForm::Struct(_), Value::Array(values)) => self.by_position(values),
            (ParamsForm::Struct(_), value) => self.by_position(vec![value]),
            (ParamsForm::Map, Value::Object(named)) => Ok(Value::Object(named)),
            (ParamsForm::Map, _) => Err("the method takes its parameters by name: pass an object".to_owned()),
            (ParamsForm::Tuple(len), Value::Array(values)) if values.len() == *len => {
                Ok(Value::Array(values))
            }
            (ParamsForm::Tuple(len), Value::Array(values)) => Err(takes(*len, values.len())),
            (ParamsForm::Tuple(len), Value::Null) => Err(takes(*len, 0)),
            (ParamsForm::Tuple(_), Value::Object(_)) => {
                Err("the method takes its parameters by position: pass an array".to_owned())
            }
            (ParamsForm::Tuple(1), value) => Ok(Value::Array(vec![value])),
            (ParamsForm::Tuple(len), _) => Err(takes(*len, 1)),
            (ParamsForm::Scalar, Value::Array(mut values)) if values.len() == 1 => {
                Ok(values.pop().unwrap_or_default())
            }
            (ParamsForm::Scalar | ParamsForm::Any, value) => Ok(value),
            (ParamsForm::Endless, _) => {
                Err("the type of its parameters contains nothing but itself".to_owned())
            }
        }
    }

    fn by_position(&self, values: Vec<Value>) -> Result<Value, String> {
        if values.len() > self.names.len() {
            return Err(format!("{} ({})", takes(self.names.len(), values.len()), self.names.join(", ")));
        }
        Ok(Value::Object(self.names.iter().cloned().zip(values).collect()))
    }

    /// A name that the type does not know may be a mistake, which would go unnoticed.
    fn check_names(&self, fields: &[&str], named: &Map<String, Value>) -> Result<(), String> {
        let Some(unknown) = named.keys().find(|name| !fields.contains(&name.as_str())) else { return Ok(()) };
        let shown: String = unknown.chars().take(64).collect();
        Err(match nearest(unknown, self.names.iter().map(String::as_str)) {
            Some(name) => format!("the parameter `{shown}` is unknown; did you mean `{name}`?"),
            None if self.names.is_empty() => {
                format!("the parameter `{shown}` is unknown: the method takes none")
            }
            None => format!("the parameter `{shown}` is unknown; the method has {}", self.names.join(", ")),
        })
    }
}

fn takes(takes: usize, has: usize) -> String {
    let s = if takes == 1 { "" } else { "s" };
    format!("the method takes {takes} parameter{s}, and the call has {has}")
}

fn bad(message: String) -> TaskError {
    TaskError::new(TaskErrorKind::BadParams, message)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::Deserialize;

    use super::*;

    /// Charges a card.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "it is printed")]
    struct Charge {
        /// In cents.
        cents: u32,
        #[serde(default, alias = "cur")]
        currency: Option<String>,
        #[serde(default)]
        always: bool,
    }

    fn read<P: DeserializeOwned + JsonSchema + Debug>(params: &str) -> String {
        let params = Json::parse(params).expect("JSON");
        match Params::of::<P>().read::<P>(&params) {
            Ok(read) => format!("{read:?}"),
            Err(error) => error.message,
        }
    }

    #[test]
    fn a_struct_is_read_by_name_and_by_position() {
        let all = r#"Charge { cents: 5, currency: Some("eur"), always: true }"#;
        assert_eq!(read::<Charge>(r#"{"always":true,"cents":5,"currency":"eur"}"#), all);
        assert_eq!(read::<Charge>(r#"{"always":true,"cents":5,"cur":"eur"}"#), all);
        assert_eq!(read::<Charge>(r#"[5,"eur",true]"#), all);
        let only = "Charge { cents: 5, currency: None, always: false }";
        assert_eq!(read::<Charge>("[5]"), only);
        assert_eq!(read::<Charge>("5"), only);
    }

    #[test]
    fn errors_name_the_parameter() {
        assert_eq!(read::<Charge>("null"), "missing field `cents`");
        assert_eq!(read::<Charge>("[]"), "missing field `cents`");
        let text = read::<Charge>(r#"{"cents":"5"}"#);
        assert_eq!(text, "`cents`: invalid type: string \"5\", expected u32");
        assert_eq!(read::<Charge>("[-1]"), "`cents`: invalid value: integer `-1`, expected u32");
        let unknown = r#"{"cents":5,"curency":"eur"}"#;
        assert_eq!(read::<Charge>(unknown), "the parameter `curency` is unknown; did you mean `currency`?");
        let too_many = "the method takes 3 parameters, and the call has 4 (cents, currency, always)";
        assert_eq!(read::<Charge>("[1,null,true,4]"), too_many);
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let error = Params::of::<Charge>().read::<Charge>(&Json::of_written(deep)).expect_err("too deep");
        assert_eq!(error.kind, TaskErrorKind::BadParams);
        assert!(error.message.starts_with("the parameters can't be read: recursion limit"), "{error}");
    }

    #[test]
    fn other_types_have_no_names() {
        assert_eq!(read::<(i64, String)>(r#"[5,"eur"]"#), r#"(5, "eur")"#);
        assert_eq!(read::<(i64, String)>("[5]"), "the method takes 2 parameters, and the call has 1");
        let by_name = read::<(i64, String)>(r#"{"a":5}"#);
        assert_eq!(by_name, "the method takes its parameters by position: pass an array");
        assert_eq!(read::<i64>("5"), "5");
        assert_eq!(read::<i64>("[5]"), "5");
        assert_eq!(read::<Vec<i64>>("[5]"), "[5]");
        assert_eq!(
            (read::<()>("null"), read::<()>("[]"), read::<()>("{}")),
            ("()".into(), "()".into(), "()".into())
        );
        assert_eq!(read::<()>("[1]"), "the method takes no parameters");
    }

    #[test]
    fn descriptions_come_from_the_type() {
        let params = Params::of::<Charge>();
        assert_eq!(params.description(), "Charges a card.");
        let parameters = params.describe();
        let short: Vec<_> = parameters.iter().map(|p| (&*p.name, p.required, &*p.description)).collect();
        assert_eq!(short, [("cents", true, "In cents."), ("currency", false, ""), ("always", false, "")]);
        let schema = parameters[0].schema.as_ref().expect("a schema").to_string();
        assert!(schema.contains("\"integer\""), "{schema}");
        assert_eq!(Params::of::<(i64, bool)>().describe().len(), 2);
        assert!(Params::of::<()>().describe().is_empty());
    }
}
