use std::borrow::Cow;

use reqwest::header::HeaderMap;
use rhai::{Blob, Dynamic, Map};
use rhai_dispatcher_engine::{Secret, integer_beyond_i64};

use crate::text::text;
use crate::{HttpError, HttpErrorKind};

/// The answer to a call, whatever its status.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body's bytes as they were received.
    body: Vec<u8>,
    /// The body as text, if it is text.
    text: Option<Text>,
}

/// A body as text.
#[derive(Debug, Clone)]
enum Text {
    /// The body is UTF-8: its own bytes after the byte order mark are the text.
    Body {
        /// The length of its byte order mark.
        from: usize,
    },
    /// The text that was decoded from another charset.
    Decoded(String),
}

/// The form in which a script gets an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    /// Whether the answer has `json`.
    pub(crate) parse_json: bool,
    /// Whether the answer has `body_bytes` instead of `body` even if the body is text.
    pub(crate) body_bytes: bool,
}

impl HttpResponse {
    /// The received answer. [`Secret::REDACTED`] replaces the secrets of the request in it.
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>, secrets: &[Secret]) -> Self {
        let redact = |text: String| secrets.iter().fold(text, |text, secret| secret.redact(&text));
        let headers = headers.keys().map(|name| {
            let values = headers.get_all(name).iter();
            let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            (name.as_str().to_owned(), redact(values.join(", ")))
        });
        let body = secrets.iter().fold(body, redact_bytes);
        let mut response = Self { status, headers: headers.collect(), body, text: None };

        let header = |name: &str| response.header(name).unwrap_or_default();
        let text = match text(&response.body, header("content-type"), header("content-encoding")) {
            // The text is the end of the body; a byte order mark is before it.
            Some(Cow::Borrowed(text)) => Some(Text::Body { from: response.body.len() - text.len() }),
            Some(Cow::Owned(text)) => Some(Text::Decoded(redact(text))),
            None => None,
        };
        response.text = text;
        response
    }

    /// The status, such as 200.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is from 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header, by its name in lower case; the values of repeated headers are joined by `, `.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body's bytes as they were received.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text, without a byte order mark; `None` if it is not text: if it is compressed
    /// (`Content-Encoding`), or its bytes are invalid in its charset.
    ///
    /// The charset is that of a byte order mark, else that of `Content-Type`, else UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.text.as_ref()? {
            Text::Body { from } => std::str::from_utf8(&self.body[*from..]).ok(),
            Text::Decoded(text) => Some(text),
        }
    }

    /// The body as the script's value; `None` if it is not JSON.
    ///
    /// # Errors
    /// Of kind `too_large`, if the JSON is nested too deep, or has a whole number beyond 64 bits with a sign.
    pub fn json(&self) -> Result<Option<Dynamic>, HttpError> {
        let Some(text) = self.text() else { return Ok(None) };
        let value = serde_json::from_str(text);
        if value.is_ok()
            && let Some(number) = integer_beyond_i64(text)
        {
            let message = format!(
                "the answer's JSON has the whole number {number:.64}, which is beyond 64 bits with a sign; read it from `body`"
            );
            return Err(HttpError::new(HttpErrorKind::TooLarge, message));
        }
        match value {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.to_string().starts_with(TOO_DEEP) => {
                let message = format!("the answer's JSON is nested more than {MAX_DEPTH} levels deep");
                Err(HttpError::new(HttpErrorKind::TooLarge, message))
            }
            Err(_) => Ok(None),
        }
    }

    /// The answer's object map in scripts: `status`, `ok`, `headers`, `body`, which is unit if the map has
    /// `body_bytes`, and, with `parse_json`, `json`: the body's value, or unit if the body is not JSON.
    ///
    /// # Errors
    /// Those of [`json`](Self::json), with `parse_json`.
    pub(crate) fn into_map(self, shown: Shown) -> Result<Map, HttpError> {
        let mut map = Map::new();
        if shown.parse_json {
            map.insert("json".into(), self.json()?.unwrap_or_default());
        }
        map.insert("status".into(), i64::from(self.status).into());
        map.insert("ok".into(), self.is_success().into());
        let headers = self.headers.into_iter().map(|(name, value)| (name.into(), Dynamic::from(value)));
        map.insert("headers".into(), headers.collect::<Map>().into());
        let body = match self.text.filter(|_| !shown.body_bytes) {
            Some(Text::Decoded(text)) => text.into(),
            Some(Text::Body { from }) => {
                let body = if from == 0 { self.body } else { self.body[from..].to_vec() };
                // Decoding does not fail: the body has been decoded as text before.
                String::from_utf8(body).unwrap_or_default().into()
            }
            None => {
                map.insert("body_bytes".into(), Dynamic::from_blob(Blob::from(self.body)));
                Dynamic::UNIT
            }
        };
        map.insert("body".into(), body);
        Ok(map)
    }
}

/// The error of `serde_json` for a value that nests deeper than [`MAX_DEPTH`].
const TOO_DEEP: &str = "recursion limit exceeded";
const MAX_DEPTH: usize = 127;

/// `body` with [`Secret::REDACTED`] in place of the secret.
fn redact_bytes(body: Vec<u8>, secret: &Secret) -> Vec<u8> {
    // The search in a text is faster than that in bytes.
    let body = match String::from_utf8(body) {
        Ok(text) => return secret.redact(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let secret = secret.expose().as_bytes();
    let find = |bytes: &[u8]| bytes.windows(secret.len()).position(|window| window == secret);
    let mut rest = &body[..];
    let mut redacted = Vec::new();
    while let Some(at) = (!secret.is_empty()).then(|| find(rest)).flatten() {
        redacted.extend_from_slice(&rest[..at]);
        redacted.extend_from_slice(Secret::REDACTED.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    if redacted.is_empty() {
        return body;
    }
    redacted.extend_from_slice(rest);
    redacted
}

#[cfg(test)]
mod tests {
    use reqwest::header::{CONTENT_TYPE, HeaderValue};

    use super::*;

    fn response(body: impl Into<Vec<u8>>) -> HttpResponse {
        HttpResponse::new(200, &HeaderMap::new(), body.into(), &[])
    }

    #[test]
    fn json_may_begin_with_a_byte_order_mark_and_is_bounded_in_depth() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let is_json = |body: String| response(body).json().map(|json| json.is_some());
        assert_eq!(is_json("\u{feff}{\"a\": 1}".to_owned()), Ok(true));
        assert_eq!(is_json("\u{feff}".to_owned()), Ok(false));
        assert_eq!(is_json("{".to_owned()), Ok(false));
        assert_eq!(is_json(nested(MAX_DEPTH)), Ok(true));
        let error = response(nested(MAX_DEPTH + 1)).json().expect_err("it is nested too deep");
        assert_eq!(error.kind(), HttpErrorKind::TooLarge);
        assert!(error.to_string().contains("more than 127 levels"), "{error}");
        let error = response("{\"id\": 18446744073709551615}").json().expect_err("the number is too large");
        assert!(
            error.to_string().contains("the whole number 18446744073709551615, which is beyond"),
            "{error}"
        );
        assert_eq!(is_json("{\"id\": \"18446744073709551615\"}".to_owned()), Ok(true));
    }

    #[test]
    fn a_secret_is_blotted_out_of_text_and_bytes() {
        let secrets = [Secret::new("s3cret"), Secret::new("")];
        let utf_16: Vec<u8> = "\u{feff}a s3cret".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=latin1"))]);
        for (headers, body, text, bytes) in [
            (HeaderMap::new(), b"s3crets3cret!".to_vec(), Some("[secret][secret]!"), None),
            (
                HeaderMap::new(),
                b"\xff s3crets3cret \xff".to_vec(),
                None,
                Some(&b"\xff [secret][secret] \xff"[..]),
            ),
            (HeaderMap::new(), utf_16, Some("a [secret]"), None),
            (headers, b"\xe9 s3cret".to_vec(), Some("é [secret]"), None),
        ] {
            let response = HttpResponse::new(200, &headers, body, &secrets);
            assert_eq!(response.text(), text);
            assert!(bytes.is_none_or(|bytes| response.body() == bytes), "{response:?}");
        }
    }
}
