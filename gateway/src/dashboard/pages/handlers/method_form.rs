use rhai_dispatcher::dispatcher::{MethodForm, ParameterInfo};
use serde_json::{Map, Value};

use crate::dashboard::frame::PageError;
use crate::dashboard::text::{Excerpt, html_bytes, shown};

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

/// A value of more than so many is typed, and so is one of values that take more bytes in a page.
const MAX_CHOICES: usize = 200;
const MAX_CHOICES_BYTES: usize = 8 * 1024;
/// A default that takes more bytes in a page is not offered: the worker fills it in.
const MAX_DEFAULT_BYTES: usize = 2 * 1024;

impl FormView {
    /// As many forms are shown.
    const MAX_FORMS: usize = 10;
    /// As many bytes they take in a page, about. A part of a form would be another call, so that a form is there or not.
    const MAX_BYTES: usize = 96 * 1024;

    /// The first forms of a method that fit.
    pub(super) fn all(forms: &[MethodForm]) -> Vec<Self> {
        let mut bytes = 0;
        let forms =
            forms.iter().take(Self::MAX_FORMS).enumerate().map(|(number, form)| Self::new(number, form));
        let fits = |form: &Self| {
            bytes += form.bytes();
            bytes <= Self::MAX_BYTES
        };
        forms.take_while(fits).collect()
    }

    fn new(number: usize, form: &MethodForm) -> Self {
        let fields =
            form.parameters.iter().enumerate().map(|(place, parameter)| Field::new(place, parameter));
        Self { number, fields: fields.collect() }
    }

    fn bytes(&self) -> usize {
        /// What is around the texts of a field, and around those of a choice.
        const AROUND: (usize, usize) = (400, 20);
        let choices = |field: &Field| -> usize {
            field.choices.iter().map(|choice| AROUND.1 + html_bytes(choice)).sum()
        };
        let texts = |field: &Field| -> usize {
            [&field.name, &field.about, &field.default, &field.hint]
                .into_iter()
                .map(|text| html_bytes(text))
                .sum()
        };
        self.fields.iter().map(|field| AROUND.0 + texts(field) + choices(field)).sum()
    }
}

impl Field {
    fn new(place: usize, parameter: &ParameterInfo) -> Self {
        let schema: Value = parameter.schema.as_ref().and_then(|schema| schema.to().ok()).unwrap_or_default();
        let typ = type_of(&schema);
        let mut choices: Vec<_> = match typ {
            Some("boolean") => vec!["true".to_owned(), "false".to_owned()],
            _ => schema.get("enum").and_then(Value::as_array).into_iter().flatten().map(text_of).collect(),
        };
        let bytes: usize = choices.iter().map(|choice| html_bytes(choice)).sum();
        if choices.len() > MAX_CHOICES || bytes > MAX_CHOICES_BYTES {
            choices.clear();
        }
        let kind = match typ {
            _ if !choices.is_empty() => FieldKind::Choice,
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
                .filter(|text| html_bytes(text) <= MAX_DEFAULT_BYTES)
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
    fn forms_of_any_schema_take_little_of_a_page() {
        let one_of = |values: usize, len: usize| {
            let values: Vec<_> = (0..values).map(|number| format!("{number}{}", "<".repeat(len))).collect();
            json!({ "type": "string", "enum": values, "default": "\"".repeat(len) })
        };
        let form = |fields: usize, schema: &Value| {
            let fields = (0..fields).map(|n| ParameterInfo::new(&format!("p{n}"), true, Some(schema)));
            MethodForm::new(fields.collect(), None)
        };
        let views =
            FormView::all(&[form(2, &one_of(3, 1)), form(1, &one_of(200, 1_000)), form(1, &one_of(201, 1))]);
        let kinds: Vec<_> = views.iter().map(|view| view.fields[0].kind).collect();
        assert_eq!(kinds, [FieldKind::Choice, FieldKind::Text, FieldKind::Text]);
        assert_eq!([views[0].fields[1].default.len(), views[1].fields[0].default.len()], [1, 0]);
        let many = [form(1, &one_of(3, 1)), form(10_000, &Value::Null), form(1, &one_of(3, 1))];
        assert_eq!(FormView::all(&many).len(), 1, "each form is whole");
        assert_eq!(FormView::all(&vec![form(1, &Value::Null); 11]).len(), 10);
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
