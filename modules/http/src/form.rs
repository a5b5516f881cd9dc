use reqwest::Url;
use rhai::{Dynamic, Map};
use rhai_dispatcher_engine::Secret;

use crate::HttpError;

/// The fields of a form, in order.
///
/// Maps and arrays within are written with brackets, as Stripe and many others read them:
/// `metadata[key]=value`, `items[0][price]=…`. An empty map or array is an empty field, `metadata=`,
/// which Stripe reads as "none"; without the field, Stripe would leave the value unchanged.
///
/// ```
/// use rhai_dispatcher_http::Form;
///
/// let sizes: rhai::Array = vec![1_i64.into(), 2_i64.into()];
/// let mut form = Form::new();
/// form.push("name", &rhai::Dynamic::from("a b"))?;
/// form.push("sizes", &sizes.into())?;
/// assert_eq!(form.encoded(), "name=a+b&sizes%5B0%5D=1&sizes%5B1%5D=2");
/// # Ok::<(), rhai_dispatcher_http::HttpError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
}

/// Limit on the fields of a form.
const MAX_FIELDS: usize = 1000;
/// Limit on the text of a form, names and values before they are encoded, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Limit on the nesting of a form's values.
const MAX_DEPTH: usize = 8;

impl Form {
    /// The media type.
    pub const CONTENT_TYPE: &'static str = "application/x-www-form-urlencoded";

    /// A form without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields of an object map.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn of(map: &Map) -> Result<Self, HttpError> {
        let mut form = Self::new();
        for (name, value) in map {
            form.push(name, value)?;
        }
        Ok(form)
    }

    /// Adds a value: a text, number or boolean as one field, a map or array as one field for each of its
    /// parts, and unit, an empty map or an empty array as an empty field.
    ///
    /// # Errors
    /// Of kind `invalid`, with the name of the field: for a value of any other type, for a number that is not
    /// finite, for a map key that is empty or has brackets, which a server would read as another
    /// structure, and for more than 1,000 fields, 4 MiB or 8 levels.
    pub fn push(&mut self, name: &str, value: &Dynamic) -> Result<(), HttpError> {
        self.push_at(name.to_owned(), value, 0)
    }

    /// Like [`push`](Self::push), but replaces earlier fields of that name. A value for a part of a map or array also
    /// replaces a single value that was pushed for the whole map or array.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn set(&mut self, name: &str, value: &Dynamic) -> Result<(), HttpError> {
        self.remove(name);
        let is_parent = |field: &str| name.strip_prefix(field).is_some_and(|rest| rest.starts_with('['));
        self.fields.retain(|(field, _)| !is_parent(field));
        self.push(name, value)
    }

    /// Removes the fields that were pushed under that name.
    pub fn remove(&mut self, name: &str) {
        let is_part = |field: &str| {
            field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        self.fields.retain(|(field, _)| !is_part(field));
    }

    /// The field name of the value under `key` in the map `name`.
    ///
    /// # Errors
    /// Of kind `invalid`, for a key that is empty or has brackets.
    pub fn part(name: &str, key: &str) -> Result<String, HttpError> {
        let part = format!("{name}[{key}]");
        if key.is_empty() || key.contains(['[', ']']) {
            return Err(HttpError::invalid(&part, "a key in a form can't be empty or have brackets"));
        }
        Ok(part)
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The encoded form, as the body of a call.
    #[must_use]
    pub fn encoded(&self) -> String {
        encoded(&self.fields)
    }

    fn push_at(&mut self, name: String, value: &Dynamic, depth: usize) -> Result<(), HttpError> {
        if depth > MAX_DEPTH {
            let problem = format!("it is nested more than {MAX_DEPTH} levels deep");
            return Err(HttpError::invalid(&name, problem));
        }
        if let Ok(map) = value.as_map_ref()
            && !map.is_empty()
        {
            return map
                .iter()
                .try_for_each(|(key, value)| self.push_at(Self::part(&name, key)?, value, depth + 1));
        }
        if let Ok(array) = value.as_array_ref()
            && !array.is_empty()
        {
            let mut parts = array.iter().enumerate();
            return parts
                .try_for_each(|(index, value)| self.push_at(format!("{name}[{index}]"), value, depth + 1));
        }
        if self.fields.len() >= MAX_FIELDS {
            return Err(HttpError::invalid(&name, format!("it is one of more than {MAX_FIELDS} fields")));
        }
        let Some(text) = text(value) else {
            let problem = format!("{} can't be a field of a form", type_in_words(value));
            return Err(HttpError::invalid(&name, problem));
        };
        let bytes: usize = self.fields.iter().map(|(name, text)| name.len() + text.len()).sum();
        if bytes + name.len() + text.len() > MAX_BYTES {
            return Err(HttpError::invalid(
                &name,
                format!("with it the form has more than {MAX_BYTES} bytes"),
            ));
        }
        self.fields.push((name, text));
        Ok(())
    }
}

/// A single value as text.
fn text(value: &Dynamic) -> Option<String> {
    if value.is_unit() || value.is_map() || value.is_array() {
        return Some(String::new()); // only an empty map or array gets here: `push_at` adds the others by their parts
    }
    if value.is::<Secret>() {
        return Some(Secret::REDACTED.to_owned());
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(text.to_string());
    }
    if let Ok(int) = value.as_int() {
        return Some(int.to_string());
    }
    if let Ok(float) = value.as_float() {
        return float.is_finite().then(|| float.to_string());
    }
    if let Ok(bool) = value.as_bool() {
        return Some(bool.to_string());
    }
    value.as_char().ok().map(String::from)
}

/// The type of a value, for messages.
pub(crate) fn type_in_words(value: &Dynamic) -> String {
    let known = match value.type_name() {
        "i64" => "an integer",
        "f64" if value.as_float().is_ok_and(|float| !float.is_finite()) => "a number that is not finite",
        "f64" => "a number",
        "bool" => "true or false",
        "()" => "unit",
        "map" => "an object map",
        "array" => "an array",
        "Fn" => "a function pointer",
        _ if value.is::<Secret>() => "a secret",
        other => return format!("a {other}"),
    };
    known.to_owned()
}

fn encoded(fields: &[(String, String)]) -> String {
    // Uses the encoder of the URL library, which encodes the query of a URL.
    let Ok(mut url) = Url::parse("http://form/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use rhai::{Array, ImmutableString};

    use super::*;

    #[test]
    fn a_form_is_bounded_in_text_and_fields() {
        let text = Dynamic::from(ImmutableString::from("x".repeat(1024 * 1024)));
        let problem = |array: Array| {
            let error = Form::new().push("a", &array.into()).expect_err("too much");
            error.to_string()
        };
        assert_eq!(problem(vec![text; 5]), "a[3]: with it the form has more than 4194304 bytes");
        let many = "it is one of more than 1000 fields";
        assert_eq!(problem(vec![Dynamic::UNIT; 1001]), format!("a[1000]: {many}"));
        assert_eq!(problem(vec![Array::new().into(); 1001]), format!("a[1000]: {many}"));
        let row = Dynamic::from_array(vec![Map::new().into(); 100]);
        assert_eq!(problem(vec![row; 11]), format!("a[10][0]: {many}"));
    }
}
