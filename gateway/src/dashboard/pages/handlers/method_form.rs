use rhai_dispatcher::dispatcher::{MethodForm, ParameterInfo};
use serde_json::{Map, Value};

use crate::dashboard::frame::PageError;
use crate::dashboard::text::{Excerpt, shown};

/// The fields of a form that calls a method, in one of the forms that the method has.
#[derive(Debug)]
pub(super) struct FormView {
    /// Its number among the forms of the method, from 0.
    pub(super) number: usize,
    pub(super) fields: Vec<Field>,
}

/// A parameter, as a field of a form.
#[derive(Debug)]
pub(super) struct Field {
    /// The name in the form: `p` and the position, from 0.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) about: String,
    pub(super) kind: FieldKind,
    /// The values that it can have, if they are few.
    pub(super) choices: Vec<String>,
    pub(super) default: String,
    pub(super) hint: String,
}

/// What is typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Number,
    Choice,
    /// JSON; what is not is a text, if the parameter has no type.
    Json,
}

/// A value of more than so many is typed.
const MAX_CHOICES: usize = 200;
/// A longer default is not offered: the worker fills it in.
const MAX_DEFAULT_BYTES: usize = 2 * 1024;

impl FormView {
    pub(super) fn new(number: usize, form: &MethodForm) -> Self {
        let fields =
            form.parameters.iter().enumerate().map(|(place, parameter)| Field::new(place, parameter));
        Self { number, fields: fields.collect() }
    }
}

impl Field {
    fn new(place: usize, parameter: &ParameterInfo) -> Self {
        let schema: Value = parameter.schema.as_ref().and_then(|schema| schema.to().ok()).unwrap_or_default();
        let typ = type_of(&schema);
        let choices: Vec<_> = match typ {
            Some("boolean") => vec!["true".to_owned(), "false".to_owned()],
            _ => schema.get("enum").and_then(Value::as_array).into_iter().flatten().map(text_of).collect(),
        };
        let kind = match typ {
            _ if (1..=MAX_CHOICES).contains(&choices.len()) => FieldKind::Choice,
            Some("integer" | "number") => FieldKind::Number,
            Some("string") => FieldKind::Text,
            _ => FieldKind::Json,
        };
        let name = match parameter.name.is_empty() {
            true => format!("parameter {}", place + 1),
            false => Excerpt::line(&parameter.name, 120),
        };
        Self {
            key: format!("p{place}"),
            name,
            is_required: parameter.required,
            about: Excerpt::line(&parameter.description, 200),
            kind,
            choices,
            default: schema
                .get("default")
                .map(text_of)
                .filter(|text| text.len() <= MAX_DEFAULT_BYTES)
                .unwrap_or_default(),
            hint: match typ {
                Some(typ) => shown(typ),
                None => "JSON; other text is a string".to_owned(),
            },
        }
    }
}

/// The type of a schema, without `null` beside it.
fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(typ) => Some(typ),
        Value::Array(types) => {
            let mut others = types.iter().filter_map(Value::as_str).filter(|typ| *typ != "null");
            let first = others.next();
            first.filter(|_| others.next().is_none())
        }
        _ => None,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The parameters of a call from the fields of a form: by name, or by position if one has no name.
pub(super) fn params_of(form: &MethodForm, fields: &[(String, String)]) -> Result<Value, PageError> {
    let mut values = Vec::new();
    for (place, parameter) in form.parameters.iter().enumerate() {
        let key = format!("p{place}");
        let text = fields.iter().find(|(name, _)| *name == key).map_or("", |(_, text)| text);
        if text.is_empty() && !parameter.required {
            values.push(None);
            continue;
        }
        values.push(Some(value_of(parameter, text)?));
    }
    if form.parameters.iter().all(|parameter| !parameter.name.is_empty()) {
        let named = form
            .parameters
            .iter()
            .zip(values)
            .filter_map(|(parameter, value)| Some((parameter.name.clone(), value?)));
        return Ok(Value::Object(named.collect::<Map<_, _>>()));
    }
    // What is left out at the end is not sent, and in between it is null.
    while values.last().is_some_and(Option::is_none) {
        values.pop();
    }
    Ok(Value::Array(values.into_iter().map(Option::unwrap_or_default).collect()))
}

fn value_of(parameter: &ParameterInfo, text: &str) -> Result<Value, PageError> {
    let schema: Value = parameter.schema.as_ref().and_then(|schema| schema.to().ok()).unwrap_or_default();
    let typ = type_of(&schema);
    if typ == Some("string") {
        return Ok(Value::String(text.to_owned()));
    }
    match (serde_json::from_str(text), typ) {
        (Ok(value), _) => Ok(value),
        (Err(_), None) => Ok(Value::String(text.to_owned())),
        (Err(error), Some(typ)) => {
            let problem =
                format!("{}: {:?} is not {typ}: {error}.", shown(&parameter.name), Excerpt::line(text, 60));
            Err(PageError::bad(problem, "Write it as JSON."))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn params(parameters: &[(&str, bool, Value)], fields: &[&str]) -> Result<Value, String> {
        let parameters = parameters.iter().map(|(name, required, schema)| {
            ParameterInfo::new(name, *required, Some(schema).filter(|schema| !schema.is_null()))
        });
        let form = MethodForm::new(parameters.collect(), None);
        let fields: Vec<_> =
            fields.iter().enumerate().map(|(n, text)| (format!("p{n}"), (*text).to_owned())).collect();
        params_of(&form, &fields).map_err(|error| error.problem)
    }

    #[test]
    fn fields_become_what_the_schema_says() {
        let typ = |typ: &str| json!({ "type": typ });
        let all = [("a", true, typ("integer")), ("b", true, typ("string")), ("c", false, typ("boolean"))];
        assert_eq!(params(&all, &["7", "8", ""]), Ok(json!({ "a": 7, "b": "8" })));
        assert_eq!(params(&all, &["7", "", "true"]), Ok(json!({ "a": 7, "b": "", "c": true })));
        let error = params(&all, &["seven", "", ""]).expect_err("no number");
        assert!(error.starts_with("a: \"seven\" is not integer"), "{error}");
        let untyped = [("x", true, Value::Null), ("y", true, Value::Null)];
        assert_eq!(params(&untyped, &["[1]", "plain text"]), Ok(json!({ "x": [1], "y": "plain text" })));
        let nameless = [("", true, Value::Null), ("", false, Value::Null), ("", false, Value::Null)];
        assert_eq!(params(&nameless, &["1", "", ""]), Ok(json!([1])));
        assert_eq!(params(&nameless, &["1", "", "3"]), Ok(json!([1, null, 3])));
        assert_eq!(
            params(&[("n", true, json!({ "type": ["integer", "null"] }))], &["null"]),
            Ok(json!({ "n": null }))
        );
    }
}
