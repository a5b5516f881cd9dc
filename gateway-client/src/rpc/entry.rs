use rhai_dispatcher_core::Invalid;
use serde::Serialize;

/// A call or a notification, without its id.
#[derive(Debug)]
pub(crate) struct Entry {
    /// An object of JSON, without the brace that ends it.
    open: String,
    pub(crate) is_call: bool,
}

impl Entry {
    /// # Errors
    /// If the parameters can't be those of a call.
    pub(crate) fn call(method: &str, params: &(impl Serialize + ?Sized)) -> Result<Self, Invalid> {
        Ok(Self { open: open(method, params)?, is_call: true })
    }

    /// # Errors
    /// If the parameters can't be those of a call.
    pub(crate) fn notification(method: &str, params: &(impl Serialize + ?Sized)) -> Result<Self, Invalid> {
        Ok(Self { open: open(method, params)?, is_call: false })
    }

    /// Adds it to a message.
    pub(super) fn write(&self, id: u64, text: &mut String) {
        text.push_str(&self.open);
        if self.is_call {
            text.push_str(",\"id\":");
            text.push_str(&id.to_string());
        }
        text.push('}');
    }

    pub(super) fn len(&self) -> usize {
        /// An id has at most twenty digits; the rest is what is written around it.
        const WITH_ID: usize = 28;
        self.open.len() + WITH_ID
    }
}

fn open(method: &str, params: &(impl Serialize + ?Sized)) -> Result<String, Invalid> {
    const HINT: &str =
        "give a struct or a map for parameters by name, a tuple or a list for positions, or ()";
    let mut text = Vec::with_capacity(128);
    text.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":");
    let refuse =
        |error: serde_json::Error| Invalid::new("params", format!("have no JSON form: {error}"), HINT);
    serde_json::to_writer(&mut text, method).map_err(refuse)?;
    let before = text.len();
    text.extend_from_slice(b",\"params\":");
    let start = text.len();
    serde_json::to_writer(&mut text, params).map_err(refuse)?;
    match &text[start..] {
        b"null" => text.truncate(before),
        [b'{' | b'[', ..] => {}
        other => {
            let problem = match other.first() {
                Some(b'"') => "are a text",
                Some(b't' | b'f') => "are a boolean",
                _ => "are a number",
            };
            return Err(Invalid::new("params", problem, HINT));
        }
    }
    // serde_json writes UTF-8.
    String::from_utf8(text).map_err(|error| Invalid::new("params", error.to_string(), HINT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(entry: &Entry) -> String {
        let mut text = String::new();
        entry.write(7, &mut text);
        assert!(text.len() <= entry.len());
        text
    }

    #[test]
    fn params_are_named_positional_or_left_out() {
        let call = |params: &serde_json::Value| Entry::call("a\"b", params).map(|entry| text(&entry));
        let json = |text: &str| serde_json::from_str(text).expect("JSON");
        let expected = r#"{"jsonrpc":"2.0","method":"a\"b","params":{"x":1},"id":7}"#;
        assert_eq!(call(&json(r#"{"x": 1}"#)).as_deref(), Ok(expected));
        assert_eq!(call(&json("null")).as_deref(), Ok(r#"{"jsonrpc":"2.0","method":"a\"b","id":7}"#));
        for bad in ["1", "\"x\"", "true"] {
            assert_eq!(call(&json(bad)).expect_err(bad).field, "params");
        }
        let entry = Entry::notification("m", &(1, "x")).expect("an entry");
        assert_eq!(text(&entry), r#"{"jsonrpc":"2.0","method":"m","params":[1,"x"]}"#);
    }
}
