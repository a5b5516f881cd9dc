use reqwest::header::HeaderMap;
use rhai::{Dynamic, Map};
use rhai_dispatcher_engine::Secret;

/// The answer to a call, whatever its status.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl HttpResponse {
    /// What came, with the secrets that were sent blotted out. The body is text: bytes that are no
    /// UTF-8 become U+FFFD.
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>, secrets: &[Secret]) -> Self {
        let redact = |text: String| secrets.iter().fold(text, |text, secret| secret.redact(&text));
        let text = |bytes: &[u8]| redact(String::from_utf8_lossy(bytes).into_owned());
        let headers = headers.keys().map(|name| {
            let values: Vec<_> = headers.get_all(name).iter().map(|value| text(value.as_bytes())).collect();
            (name.as_str().to_owned(), values.join(", "))
        });
        let headers = headers.collect();
        let body = String::from_utf8(body)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Self { status, headers, body: redact(body) }
    }

    /// The status, such as 200.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is one of success, 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header, by its name in lower case; several are joined by `, `.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body as the script's value, if it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<Dynamic> {
        serde_json::from_str(&self.body).ok()
    }

    /// What scripts get: `status`, `ok`, `headers`, `body` and, with `parse_json`, `json`: the body's
    /// value, or unit if it is no JSON.
    pub(crate) fn into_map(self, parse_json: bool) -> Map {
        let mut map = Map::new();
        if parse_json {
            map.insert("json".into(), self.json().unwrap_or_default());
        }
        map.insert("status".into(), i64::from(self.status).into());
        map.insert("ok".into(), self.is_success().into());
        let headers = self.headers.into_iter().map(|(name, value)| (name.into(), Dynamic::from(value)));
        map.insert("headers".into(), headers.collect::<Map>().into());
        map.insert("body".into(), self.body.into());
        map
    }
}
